/** Parts of the cluster that end or do not answer, and what tokens and assignments do meanwhile. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { patchesOf, startedPatches } from '../arm-patches.ts'
import { firstContainer, type PodObject, podsPath } from '../cluster/pod-object.ts'
import { until } from '../cluster/until.ts'
import { endLoad, startLoad, toldLoad } from '../load.ts'
import { appOnNode, containerOf, killContainer } from '../node-side.ts'
import type { Identity, Place } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const NODE = 'pool-0'
const OTHER_RESOURCE = 'https://storage.azure.com'

const agentHeldDown: Scenario = {
  name: 'nmi-killed-and-held-down',
  proves:
    'while the node agent is dead the requests of pods on its node fail, and none of them reaches IMDS; pods of other nodes notice nothing',
  alone: true,
  async run(place, world) {
    const { azure, cluster, podid, reads } = world
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    const elsewhere = await place.pod('elsewhere', { selector: shop.name, node: 'pool-1' })
    assertToken(await pod.token(), shop.clientId)
    const node = cluster.node(NODE)
    const [agent = ''] = await podid.pods('nmi', NODE)
    const container = await containerOf(reads, RELEASE_NAMESPACE, agent)
    const app = await appOnNode(reads, node, pod)
    // The kubelet would start it again.
    await node.killProgram('kubelet', true)
    try {
      await killContainer(node, container)
      await until('nobody answers', { deadlineMs: 10_000 }, async () => (await app.token()).status === 0)
      const before = azure.journal.requests.length
      const orders = [{}, { clientId: shop.clientId }, { resource: OTHER_RESOURCE }, { resourceId: shop.id }]
      for (const order of orders) {
        const { status, error } = await app.token({ ...order, timeoutSeconds: 3 })
        assert.equal(status, 0, `an answer though the agent is dead: ${status}`)
        assert.match(error ?? '', /refused/)
      }
      const leaked = azure.journal.requests
        .slice(before)
        .filter(({ service, remoteAddress }) => service === 'imds' && remoteAddress === node.ip)
      assert.deepEqual(leaked, [])
      assertToken(await elsewhere.token({ resource: OTHER_RESOURCE }), shop.clientId, OTHER_RESOURCE)
    } finally {
      await node.release('kubelet')
    }
    await podid.restarted(agent, 60_000)
    assertToken(await pod.token(), shop.clientId)
  },
}

const runtimeRestarted: Scenario = {
  name: 'containerd-and-kubelet-restarted',
  proves:
    'containerd and kubelet of a node end and start again without one failed request, and pods that are created afterwards are served',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await startLoad(place, { name: 'load', identity: shop, rate: 20, node: NODE })
    const node = world.cluster.node(NODE)
    const [agent = ''] = await world.podid.pods('nmi', NODE)
    const container = await containerOf(world.reads, RELEASE_NAMESPACE, agent)
    await node.killProgram('containerd')
    await node.killProgram('kubelet')
    const after = await place.pod('after', { selector: shop.name, node: NODE })
    assertToken(await after.token(), shop.clientId)
    assert.equal(await containerOf(world.reads, RELEASE_NAMESPACE, agent), container, 'the agent goes on')
    const figures = await endLoad(pod, shop)
    world.say(`       ${toldLoad(figures)}`)
    assert.equal(figures.failedTries, 0)
  },
}

const OUTAGE_MS = 60_000

const apiServerDown: Scenario = {
  name: 'api-server-down',
  proves:
    'for a minute without the API server pods get tokens, also those that nobody has asked for before; a pod that is created afterwards is served',
  alone: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const { clock, cluster, reads } = world
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    assertToken(await pod.token(), shop.clientId)
    // It has never asked before.
    const silent = await place.pod('silent', { selector: shop.name, node: 'pool-1' })
    await place.whenAssigned('silent', [shop])
    const [app, quiet] = await Promise.all([
      appOnNode(reads, cluster.node(NODE), pod),
      appOnNode(reads, cluster.node('pool-1'), silent),
    ])
    const { controlPlane } = cluster
    await controlPlane.apiServer.kill()
    const end = clock.monotonic() + OUTAGE_MS
    let asked = 0
    let failed = 0
    try {
      assertToken(await quiet.token(), shop.clientId)
      await until('the minute is over', { deadlineMs: OUTAGE_MS + 30_000 }, async () => {
        const answer = await app.token({ resource: `https://resource-${asked}.example` })
        asked += 1
        if (answer.status !== 200) failed += 1
        return clock.monotonic() > end
      })
    } finally {
      await controlPlane.apiServer.start()
      await controlPlane.ready()
    }
    world.say(`       ${asked} tokens of new resources asked for meanwhile, ${failed} failed`)
    assert.equal(failed, 0)
    const late = await place.startPod('late', { selector: shop.name, node: NODE })
    // Scheduler and kubelet wait up to a minute before they ask the API server again.
    await late.running(150)
    assertToken(await late.token(), shop.clientId)
    await place.whenAssigned('late', [shop])
    await settled(world)
  },
}

/** Resolves when the whole cluster has noticed that the API server is back. */
async function settled({ cluster, kubectl }: World): Promise<void> {
  for (const { name } of cluster.nodes)
    await kubectl.ok(['wait', '--for=condition=Ready', `node/${name}`, '--timeout=55s'])
}

/** A pod whose identity is just being put on the scale set by a PATCH that takes its time. */
async function startSlowAssignment(place: Place, world: World, identity: Identity): Promise<void> {
  await place.bind(identity)
  await place.startPod(identity.name, { selector: identity.name, node: NODE, command: ['first'] })
  await until(`the PATCH for ${identity.name} is under way`, { deadlineMs: 30_000 }, () =>
    startedPatches(world, identity.id).some(({ status }) => status !== undefined),
  )
}

async function assignedOnce(place: Place, world: World, identity: Identity): Promise<void> {
  await place.whenAssigned(identity.name, [identity], 90_000)
  const pod = place.existing(identity.name)
  await pod.running()
  assertToken(await pod.token(), identity.clientId)
  const { additions, removals } = patchesOf(world, identity)
  assert.deepEqual([additions.length, removals.length], [1, 0], 'added once, never taken off')
}

const leaderKilled: Scenario = {
  name: 'leader-killed-in-patch',
  proves:
    'MIC’s leader is killed while Azure works on its PATCH: itself restarted or the other replica, whoever leads next finishes the work, each identity is added exactly once and none is lost',
  alone: true,
  async run(place, world) {
    const { azure, cluster, kubectl, podid, reads } = world
    const before = place.identity('before')
    await place.bind(before)
    const settled = await place.pod('before', { selector: before.name, node: NODE })
    await place.whenAssigned('before', [before])
    const { vmssOperationMs } = azure.settings
    azure.change({ vmssOperationMs: 6_000 })
    try {
      const restarted = place.identity('restarted')
      await startSlowAssignment(place, world, restarted)
      const first = await podid.leader()
      const { nodeName = '' } = (await reads.pod(RELEASE_NAMESPACE, first))?.spec ?? {}
      await killContainer(cluster.node(nodeName), await containerOf(reads, RELEASE_NAMESPACE, first))
      await assignedOnce(place, world, restarted)

      const replaced = place.identity('replaced')
      await startSlowAssignment(place, world, replaced)
      const second = await podid.leader()
      await kubectl.ok(['-n', RELEASE_NAMESPACE, 'delete', 'pod', second, '--force', '--grace-period=0'])
      await assignedOnce(place, world, replaced)
      assert.notEqual(await podid.leader(), second)
      assertToken(await settled.token(), before.clientId)
      assert.deepEqual(patchesOf(world, before).removals, [])
      await place.whenOnMachine('pool', [before, restarted, replaced])
    } finally {
      azure.change({ vmssOperationMs })
    }
    await podid.ready('mic')
  },
}

const etcdRestored: Scenario = {
  name: 'etcd-restored',
  proves:
    'etcd is restored from a snapshot, so that resource versions go back: MIC and NMI notice by themselves, forget what is not there any more and serve what is, and nobody gets a token by a binding that the snapshot does not have',
  ownCluster: true,
  deadlineSeconds: 700,
  async run(place, world) {
    const { cluster, podid } = world
    await podid.install()
    const shop = place.identity('shop')
    const later = place.identity('later')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    assertToken(await pod.token(), shop.clientId)
    await place.whenAssigned('shop', [shop])
    const plane = cluster.controlPlane
    const file = join(cluster.node(NODE).folder, 'etcd.snapshot')
    await plane.snapshot(file)
    await place.bind(later, { selector: shop.name })
    await place.whenAssigned('shop', [shop, later])
    assertToken(await pod.token({ clientId: later.clientId }), later.clientId)
    const agents = await podsOf(world)
    await plane.restore(file)
    // What etcd's own guide asks for; podid is left alone.
    for (const each of [plane.controllerManager, plane.scheduler]) {
      await each.stop()
      await each.start()
    }
    for (const node of cluster.nodes) {
      await node.killProgram('kubelet')
      await until('the kubelet answers', { deadlineMs: 60_000 }, async () => {
        const { code } = await world.kubectl.run(['get', '--raw', `/api/v1/nodes/${node.name}/proxy/healthz`])
        return code === 0
      })
    }
    await until('the binding of later is forgotten', { deadlineMs: 200_000 }, async () => {
      const { status } = await pod.token({ clientId: later.clientId, timeoutSeconds: 5 })
      return status !== 200 && status !== 0
    })
    assertRefused(await pod.token({ clientId: later.clientId }), 403, 'identity-not-bound')
    assertToken(await pod.token({ clientId: shop.clientId }), shop.clientId)
    const fresh = place.identity('fresh')
    await place.bind(fresh)
    const next = await place.pod('fresh', { selector: fresh.name, node: 'blue-0' })
    // A watch that goes on from a version of the future is silent: noticed after 150 s at the latest.
    await until(
      'the new pod gets tokens',
      { deadlineMs: 200_000 },
      async () => (await next.token()).status === 200,
    )
    assertToken(await next.token(), fresh.clientId)
    await place.whenAssigned('fresh', [fresh])
    await pod.delete()
    await until(
      'the identity has left',
      { deadlineMs: 60_000 },
      () => !place.onMachine('pool').includes(shop.id.toLowerCase()),
    )
    assert.deepEqual(await podsOf(world), agents, 'podid was not restarted')
  },
}

/** Names, uids and restarts of podid's pods. */
async function podsOf({ reads }: World): Promise<readonly (string | number | undefined)[][]> {
  const pods = await reads.list<PodObject>(podsPath(RELEASE_NAMESPACE))
  return pods.map((pod) => [pod.metadata.name, pod.metadata.uid, firstContainer(pod)?.restartCount])
}

export const OUTAGES: readonly Scenario[] = [
  agentHeldDown,
  runtimeRestarted,
  apiServerDown,
  leaderKilled,
  etcdRestored,
]
