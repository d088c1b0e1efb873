/**
 * podid's stores and locks through the life of an API server: killed and started again, its history forgotten,
 * its state set back to an older one.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { createLeaderElection } from '../../src/kube/lease.ts'
import { leaseLock } from '../../src/kube/lease-lock.ts'
import { legacyLock } from '../../src/kube/legacy-lock.ts'
import { createRecordMaps } from '../../src/kube/record-maps.ts'
import { azureAssignedIdentities } from '../../src/kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../src/kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../src/kube/resources/azure-identity-bindings.ts'
import { agentPods } from '../../src/kube/resources/pods.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { BreakableServer } from './breakable-server.ts'
import { identity, placedPod } from './case-objects.ts'
import type { CaseContext, CaseWorld } from './case-world.ts'
import { type Followed, follow, NEVER, openClientRoom } from './client-room.ts'

export interface LifeCase {
  readonly name: string
  readonly run: (server: BreakableServer, world: CaseWorld, context: CaseContext) => Promise<void>
}

interface Stores {
  readonly identities: Followed<{ readonly uid: string; readonly resourceVersion: string }>
  readonly pods: Followed<{ readonly uid: string; readonly resourceVersion: string }>
  /** Waits until both stores are what the server says. */
  readonly same: () => Promise<void>
  /** Waits until every watch has noticed that something is wrong. */
  readonly broken: () => Promise<void>
}

async function stores(world: CaseWorld, context: CaseContext): Promise<Stores> {
  const { rest } = await openClientRoom(context, world.subject)
  const { namespace } = world
  const identities = await follow(context, rest, azureIdentities(), { namespace })
  const pods = await follow(context, rest, agentPods(), { namespace, fieldSelector: 'spec.nodeName=n' })
  const idle = [
    await follow(context, rest, azureIdentityBindings(), { namespace }),
    await follow(context, rest, azureAssignedIdentities(), { namespace }),
  ]
  const all: readonly Followed<object>[] = [identities, pods, ...idle]
  for (const { watched } of all) await watched.store.whenSynced(NEVER)
  const keysNow = async (path: string) =>
    ((await world.http.ask('GET', path)).json().items ?? [])
      .map(({ metadata }) => `${metadata?.name} ${metadata?.uid} ${metadata?.resourceVersion}`)
      .sort()
      .join()
  const keysOf = (followed: Followed<{ uid: string; resourceVersion: string }>) =>
    [...followed.watched.store.values()]
      .map((each) => `${(each as unknown as { name: string }).name} ${each.uid} ${each.resourceVersion}`)
      .sort()
      .join()
  return {
    identities,
    pods,
    async same() {
      const wanted = await keysNow(world.path('azureidentities'))
      await identities.until(() => keysOf(identities) === wanted)
      const placed = await keysNow(`${world.path('pods')}?fieldSelector=spec.nodeName%3Dn`)
      await pods.until(() => keysOf(pods) === placed)
      for (const { watched, until } of all) await until(() => watched.health().lastError === undefined)
    },
    async broken() {
      for (const { watched, until } of all) await until(() => watched.health().lastError !== undefined)
    },
  }
}

export const LIFE_CASES: readonly LifeCase[] = [
  {
    name: 'stores go on after the API server was killed and started again, and have missed nothing',
    async run(server, world, t) {
      await world.make('azureidentities', identity('a'))
      await world.make('pods', placedPod('a'))
      const { same, broken, identities } = await stores(world, t)
      await server.kill()
      await broken()
      assert.deepEqual(identities.keys(), [`${world.namespace}/a`], 'the store keeps what it has')
      await server.start()
      await world.make('azureidentities', identity('b'))
      await world.remove(`${world.path('azureidentities')}/a`)
      await world.make('pods', placedPod('b'))
      await world.remove(`${world.path('pods')}/a`)
      await same()
      assert.deepEqual(identities.keys(), [`${world.namespace}/b`])
    },
  },
  {
    name: 'stores go on when the storage forgets its history, while they watch and while the server is away',
    async run(server, world, t) {
      await world.make('azureidentities', identity('a'))
      const { same, broken, identities } = await stores(world, t)
      await world.make('azureidentities', identity('b'))
      await server.compact()
      await world.remove(`${world.path('azureidentities')}/a`)
      await same()
      await server.kill()
      await broken()
      await server.start()
      for (let round = 0; round < 5; round += 1) {
        await world.make('azureidentities', identity('passing'))
        await world.remove(`${world.path('azureidentities')}/passing`)
      }
      await world.remove(`${world.path('azureidentities')}/b`)
      await server.compact()
      await server.kill()
      await server.start()
      await same()
      assert.deepEqual(identities.keys(), [])
    },
  },
  {
    name: 'stores follow a storage that was set back: no ghosts, nothing missing, no waiting for versions to come',
    async run(server, world, t) {
      await world.make('azureidentities', identity('before'))
      await world.make('azureidentities', identity('changed'))
      await world.make('azureidentities', identity('deleted'))
      await world.make('pods', placedPod('before'))
      const { same, identities, pods } = await stores(world, t)
      await server.snapshot()
      await world.make('azureidentities', identity('ghost'))
      await world.make('pods', placedPod('ghost'))
      await world.merge(`${world.path('azureidentities')}/changed`, { spec: { type: 1 } })
      await world.remove(`${world.path('azureidentities')}/deleted`)
      // The server must not reach the version that the stores have seen before they have noticed.
      for (let round = 0; round < 200; round += 1) {
        await world.merge(`${world.path('azureidentities')}/ghost`, {
          metadata: { labels: { round: `${round}` } },
        })
      }
      await world.merge(`${world.path('pods')}/ghost`, { metadata: { labels: { round: 'last' } } })
      await same()
      await server.restore()
      await identities.until(() => !identities.keys().includes(`${world.namespace}/ghost`))
      await same()
      assert.deepEqual(
        identities.keys(),
        ['before', 'changed', 'deleted'].map((each) => `${world.namespace}/${each}`),
      )
      assert.deepEqual(pods.keys(), [`${world.namespace}/before`])
      await world.make('azureidentities', identity('after'))
      await same()
    },
  },
  {
    name: 'stores notice a storage that was set back a little and has passed their version since',
    async run(server, world, t) {
      await world.make('azureidentities', identity('before'))
      const { same, broken, identities } = await stores(world, t)
      await server.snapshot()
      await world.make('azureidentities', identity('ghost'))
      await same()
      await server.kill()
      await broken()
      await server.restore()
      for (let round = 0; round < 100; round += 1) {
        await world.merge(`${world.path('azureidentities')}/before`, {
          metadata: { labels: { round: `${round}` } },
        })
      }
      await same()
      assert.deepEqual(identities.keys(), [`${world.namespace}/before`])
    },
  },
  {
    name: 'a leader goes on over a short absence of the API server, and of two candidates never both lead',
    async run(server, world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      let leaders = 0
      let terms = 0
      let wake = Promise.withResolvers<undefined>()
      const contend = (identity: string) => {
        const election = createLeaderElection({
          locks: [leaseLock(rest, world.namespace, 'mic'), legacyLock(rest, world.namespace, 'old-mic')],
          identity,
          // How long the server needs to start is the machine's affair; short is what is within the lease.
          leaseDurationMs: 45_000,
          renewDeadlineMs: 40_000,
          retryMs: 200,
          clock: systemClock,
          log: silentLog,
        })
        const stop = new AbortController()
        const ended = election.contend(async (signal) => {
          leaders += 1
          terms += 1
          assert.equal(leaders, 1)
          wake.resolve(undefined)
          wake = Promise.withResolvers()
          const { promise, resolve } = Promise.withResolvers<undefined>()
          signal.addEventListener('abort', () => resolve(undefined), { once: true })
          await promise
          leaders -= 1
        }, stop.signal)
        return { stop, ended, election }
      }
      const first = wake.promise
      const candidates = [contend('first'), contend('second')]
      await first
      await server.kill()
      await server.start()
      const path = `${world.path('leases')}/mic`
      const renewTime = async () => (await world.http.ask('GET', path)).json().spec?.['renewTime']
      const before = await renewTime()
      await world.until(world.path('leases'), (items) =>
        items.some(({ spec }) => spec?.['renewTime'] !== before),
      )
      assert.equal(terms, 1, 'nobody lost or took over')
      const leader = candidates.find(({ election }) => election.leading())
      assert.ok(leader !== undefined)
      const taken = wake.promise
      leader.stop.abort(new Error('stop'))
      await leader.ended
      await taken
      for (const { stop, ended } of candidates) {
        stop.abort(new Error('stop'))
        await ended
      }
    },
  },
  {
    name: 'records in ConfigMaps that were set back are conflicts, and are found by a new load',
    async run(server, world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const maps = createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' })
      const first = await maps.save({ subject: '/set', entries: { one: 'added' }, version: '' }, NEVER)
      assert.ok(first !== 'conflict')
      await server.snapshot()
      const second = await maps.save({ ...first, entries: { two: 'added' } }, NEVER)
      assert.ok(second !== 'conflict')
      await server.restore()
      assert.equal(await maps.save({ ...second, entries: { three: 'added' } }, NEVER), 'conflict')
      const [found] = await maps.load(NEVER)
      assert.deepEqual(found?.entries, { one: 'added' })
      assert.ok(
        found !== undefined && (await maps.save({ ...found, entries: { four: 'x' } }, NEVER)) !== 'conflict',
      )
    },
  },
]
