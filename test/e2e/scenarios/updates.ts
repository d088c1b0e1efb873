/** Node agents that are replaced while pods ask for tokens all the time. */
import assert from 'node:assert/strict'
import { firstContainer, type PodObject, podsPath } from '../cluster/pod-object.ts'
import { until } from '../cluster/until.ts'
import { endLoad, type LoadFigures, startLoad, sumLoads, toldLoad } from '../load.ts'
import type { Place } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

const DAEMON_SET = 'daemonsets/podid-nmi'

/** For each of them, so that all together ask a hundred times a second. */
const RATE = 12.5
const PODS = 8

/** All agents are replaced while pods of all nodes ask a hundred times a second in all. */
async function replaceUnderLoad(place: Place, world: World): Promise<LoadFigures> {
  const shop = place.identity('shop')
  await place.bind(shop)
  const nodes = world.cluster.nodes.map(({ name }) => name)
  const pods = await Promise.all(
    Array.from({ length: PODS }, (_, at) => {
      const node = nodes[at % nodes.length] ?? ''
      return startLoad(place, { name: `load-${at}`, identity: shop, rate: RATE, node })
    }),
  )
  const before = new Set(await world.podid.pods('nmi'))
  await world.kubectl.ok(['--namespace', RELEASE_NAMESPACE, 'rollout', 'restart', DAEMON_SET])
  const started = world.clock.monotonic()
  await rolledOut(world.reads, RELEASE_NAMESPACE, DAEMON_SET, 180_000)
  await world.podid.ready('nmi')
  const seconds = (world.clock.monotonic() - started) / 1000
  for (const each of await world.podid.pods('nmi')) assert.ok(!before.has(each), `${each} was not replaced`)
  const figures = sumLoads(await Promise.all(pods.map((pod) => endLoad(pod, shop))))
  world.say(`       ${nodes.length} agents replaced in ${seconds.toFixed(1)} s; ${toldLoad(figures)}`)
  return figures
}

const rolling: Scenario = {
  name: 'nmi-rolling-update',
  proves:
    'all node agents are replaced one after the other while eight pods on three nodes ask for a hundred tokens a second: no request fails that is tried again as SDKs do',
  alone: true,
  smoke: true,
  async run(place, world) {
    const { failed } = await replaceUnderLoad(place, world)
    assert.equal(failed, 0)
  },
}

/** Connections that the agent before had not accepted yet when it closed. */
const MOST_RESETS = 10

/** An update whose agent ends after it was let in: the one before takes probes and metrics back, and goes on. */
async function failedUpdate(place: Place, world: World): Promise<void> {
  const { kubectl, podid, reads } = world
  const before = await podid.pods('nmi')
  const shop = place.identity('steady')
  await place.bind(shop)
  const pod = await startLoad(place, { name: 'steady', identity: shop, rate: 20, node: 'pool-0' })
  const patch = {
    op: 'add',
    path: '/spec/template/spec/containers/0/args/-',
    value: '--kubeconfig=/nowhere',
  }
  const change = ['patch', DAEMON_SET, '--type=json', '-p', JSON.stringify([patch])]
  await kubectl.ok(['--namespace', RELEASE_NAMESPACE, ...change])
  await until('an agent of the update has failed twice', { deadlineMs: 90_000 }, async () => {
    const pods = await reads.list<PodObject>(podsPath(RELEASE_NAMESPACE), {
      labelSelector: 'app.kubernetes.io/component=nmi',
    })
    return pods.some((each) => (firstContainer(each)?.restartCount ?? 0) >= 2)
  })
  const after = new Set(await podid.pods('nmi'))
  for (const each of before) assert.ok(after.has(each), `${each} was removed`)
  const figures = await endLoad(pod, shop)
  world.say(`       during an update that fails: ${toldLoad(figures)}`)
  assert.equal(figures.failedTries, 0)
}

const surging: Scenario = {
  name: 'nmi-rolling-update-with-surge',
  proves:
    'with maxSurge each node agent starts beside the one before and takes over from it: a hundred requests a second go on, and not even single tries are refused; an update that fails changes nothing',
  ownCluster: true,
  deadlineSeconds: 400,
  async run(place, world) {
    await world.podid.install({ nmi: { updateStrategy: { rollingUpdate: { maxSurge: 1 } } } })
    const { failed, failedTries, causes } = await replaceUnderLoad(place, world)
    assert.equal(failed, 0)
    assert.deepEqual(
      [...causes.keys()].filter((cause) => !/reset by peer/.test(cause)),
      [],
    )
    assert.ok(failedTries <= MOST_RESETS, `${failedTries} tries failed`)
    await failedUpdate(place, world)
  },
}

export const UPDATES: readonly Scenario[] = [rolling, surging]
