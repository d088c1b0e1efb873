/** Leader election over the locks of podid and of AAD Pod Identity. */
import assert from 'node:assert/strict'
import { systemClock } from '../../src/base/clock.ts'
import { createLeaderElection, type LeaderElection } from '../../src/kube/lease.ts'
import { leaseLock } from '../../src/kube/lease-lock.ts'
import { legacyLock } from '../../src/kube/legacy-lock.ts'
import { createLockCandidate } from '../../src/kube/lock-candidate.ts'
import type { Rest } from '../../src/kube/rest.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'
import { NEVER, openClientRoom } from './client-room.ts'

interface Contender {
  readonly stop: AbortController
  readonly leads: Promise<undefined>
  readonly ended: Promise<void>
  readonly election: LeaderElection
}

const TIMES = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 20 } as const

function contend(world: CaseWorld, rest: Rest, identity: string): Contender {
  const election = createLeaderElection({
    locks: [
      leaseLock(rest, world.namespace, 'podid-mic'),
      legacyLock(rest, world.namespace, 'aad-pod-identity-mic'),
    ],
    identity,
    ...TIMES,
    clock: systemClock,
    log: silentLog,
  })
  const stop = new AbortController()
  const leads = Promise.withResolvers<undefined>()
  const ended = election.contend(async (signal) => {
    leads.resolve(undefined)
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }, stop.signal)
  return { stop, leads: leads.promise, ended, election }
}

export const LEADERSHIP_CASES: readonly KubeCase[] = [
  {
    name: 'two candidates over real locks: one leads, and after its stop the other does',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const first = contend(world, rest, 'first')
      await first.leads
      const second = contend(world, rest, 'second')
      const lease = (await world.http.ask('GET', `${world.path('leases')}/podid-mic`)).json()
      assert.equal(lease.spec?.['holderIdentity'], 'first')
      const endpoints = (
        await world.http.ask('GET', `${world.path('endpoints')}/aad-pod-identity-mic`)
      ).json()
      const annotations = endpoints.metadata?.['annotations'] as Record<string, string>
      const record = JSON.parse(annotations['control-plane.alpha.kubernetes.io/leader'] ?? '{}') as Record<
        string,
        unknown
      >
      assert.deepEqual([record['holderIdentity'], record['leaseDurationSeconds']], ['first', 15])
      assert.match(String(record['renewTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      first.stop.abort(new Error('stop'))
      await first.ended
      assert.equal(first.election.leading(), false)
      await second.leads
      second.stop.abort(new Error('stop'))
      await second.ended
      const given = (await world.http.ask('GET', `${world.path('leases')}/podid-mic`)).json()
      assert.equal(given.spec?.['holderIdentity'] ?? '', '')
    },
  },
  {
    name: 'of many candidates who try to take a lock at the same moment exactly one holds it',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      for (const lockOf of [leaseLock, legacyLock]) {
        const candidates = ['a', 'b', 'c', 'd', 'e'].map((identity) =>
          createLockCandidate(lockOf(rest, world.namespace, 'contested'), {
            identity,
            ...TIMES,
            clock: systemClock,
          }),
        )
        const attempts = await Promise.all(candidates.map((each) => each.attempt(NEVER)))
        assert.equal(attempts.filter(({ held }) => held).length, 1)
        const again = await Promise.all(candidates.map((each) => each.attempt(NEVER)))
        assert.deepEqual(
          again.map(({ held }) => held),
          attempts.map(({ held }) => held),
          'who holds it renews it, and nobody else gets it',
        )
        const holder = candidates[attempts.findIndex(({ held }) => held)]
        await holder?.release(NEVER)
        const [next] = candidates.filter((each) => each !== holder)
        assert.equal((await next?.attempt(NEVER))?.held, true)
      }
    },
  },
]
