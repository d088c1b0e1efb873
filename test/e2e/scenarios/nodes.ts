/** Nodes that are emptied, lost, removed and started again. */
import assert from 'node:assert/strict'
import { appPodTemplate } from '../app-pod.ts'
import { CLUSTER_CLIENT } from '../cluster/cluster-azure.ts'
import { firstContainer, readyCondition } from '../cluster/pod-object.ts'
import { until } from '../cluster/until.ts'
import type { Identity, Manifest, Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const APP = 'app=shop'

/** One pod that runs on `node` as long as that is possible, and leaves a lost one after two seconds. */
function deployment(identity: Identity, node: string): Manifest {
  const { metadata, spec } = appPodTemplate({ selector: identity.name, labels: { app: 'shop' } })
  const prefers = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] }
  const leaves = ['not-ready', 'unreachable'].map((reason) => ({
    key: `node.kubernetes.io/${reason}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 2,
  }))
  const placed = {
    ...spec,
    tolerations: leaves,
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, preference: { matchExpressions: [prefers] } },
        ],
      },
    },
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'shop' },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'shop' } },
      template: { metadata, spec: placed },
    },
  }
}

/** The pod of the Deployment runs on `node`, with a token of its identity. */
async function startOn(place: Place, identity: Identity, node: string): Promise<string> {
  await place.bind(identity)
  await place.apply(deployment(identity, node))
  await place.kubectl('rollout', 'status', 'deployment/shop', '--timeout=60s')
  const [name = ''] = await place.podNames(APP)
  assert.equal((await place.existing(name).object()).spec.nodeName, node)
  assertToken(await place.existing(name).token(), identity.clientId)
  return name
}

/** The pod that has taken its place on another node has a token of the same identity. */
async function replacementOf(place: Place, lost: string, identity: Identity): Promise<void> {
  const { metadata, spec } = await until(
    `another pod in place of ${lost} is ready`,
    { deadlineMs: 90_000 },
    async () => {
      const pods = await place.pods(APP)
      return pods.find((each) => each.metadata.name !== lost && readyCondition(each) !== undefined)
    },
  )
  assert.notEqual(spec.nodeName, 'blue-0')
  const pod = place.existing(metadata.name)
  assertToken(await pod.token(), identity.clientId)
}

async function nodeReady({ kubectl }: World, node: string): Promise<void> {
  await kubectl.ok(['wait', '--for=condition=Ready', `node/${node}`, '--timeout=60s'])
}

const drained: Scenario = {
  name: 'node-drained',
  proves:
    'pods that kubectl drain moves away have tokens on their new node, and their identity leaves the scale set of the old one',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    const old = await startOn(place, shop, 'blue-0')
    await place.whenOnMachine('blue', [shop])
    try {
      await world.kubectl.ok([
        'drain',
        'blue-0',
        '--ignore-daemonsets',
        '--delete-emptydir-data',
        '--timeout=50s',
      ])
      await replacementOf(place, old, shop)
      await place.whenOnMachine('pool', [shop])
      await place.whenOnMachine('blue', [])
      assert.equal((await world.podid.pods('nmi', 'blue-0')).length, 1, 'the node agent stays')
    } finally {
      await world.kubectl.ok(['uncordon', 'blue-0'])
    }
  },
}

const lost: Scenario = {
  name: 'node-lost-and-back',
  proves:
    'a node that is cut off keeps its identities until it is known that its pods have ended; their successors elsewhere have tokens, and when it comes back it is put in order and serves again',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    const old = await startOn(place, shop, 'blue-0')
    const node = world.cluster.node('blue-0')
    await node.connect(false)
    try {
      await replacementOf(place, old, shop)
      await place.whenOnMachine('pool', [shop])
      // Nobody can say whether its pod still runs.
      assert.deepEqual(place.onMachine('blue'), [shop.id.toLowerCase()])
    } finally {
      await node.connect(true)
    }
    await nodeReady(world, 'blue-0')
    await place.kubectl('wait', '--for=delete', `pod/${old}`, '--timeout=60s')
    await place.whenOnMachine('blue', [])
    const fresh = await place.pod('fresh', { selector: shop.name, node: 'blue-0' })
    assertToken(await fresh.token(), shop.clientId)
  },
}

const removed: Scenario = {
  name: 'node-removed',
  proves:
    'when a node without power is deleted from the cluster, its identities leave its scale set, nothing is left of its pods, and it may join again',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    const old = await startOn(place, shop, 'blue-0')
    const node = world.cluster.node('blue-0')
    await node.powerOff()
    try {
      await world.kubectl.ok(['delete', 'node', 'blue-0'])
      await replacementOf(place, old, shop)
      await place.whenOnMachine('blue', [])
      const left = (await place.assigned()).filter(({ spec }) => spec.nodename === 'blue-0')
      assert.deepEqual(left, [])
    } finally {
      await node.powerOn()
    }
    await until('the node has joined again', { deadlineMs: 60_000 }, async () => {
      return (await world.reads.object('/api/v1/nodes/blue-0')) !== undefined
    })
    await nodeReady(world, 'blue-0')
    await world.podid.ready('nmi')
    const fresh = await place.pod('fresh', { selector: shop.name, node: 'blue-0' })
    assertToken(await fresh.token(), shop.clientId)
  },
}

const rebooted: Scenario = {
  name: 'node-rebooted',
  proves:
    'after a reboot, which takes rules and connections with it, each pod has its own identity at its new address, and from the moment that the agent is ready nobody reaches the node’s identities; how many requests did before is counted',
  alone: true,
  async run(place, world) {
    const { cluster, podid } = world
    const node = cluster.node('pool-1')
    const identities = ['shop', 'till', 'store'].map((name) => place.identity(name))
    const pods = await Promise.all(
      identities.map(async (identity) => {
        await place.bind(identity)
        return place.pod(identity.name, { selector: identity.name, node: node.name })
      }),
    )
    for (const [at, pod] of pods.entries()) assertToken(await pod.token(), identities[at]?.clientId ?? '')
    // Asks for the identity of the node itself, which the agent never gives.
    const command = ['load', '-rate=20', '-seconds=0', `-client-id=${CLUSTER_CLIENT}`]
    const thief = await place.pod('thief', { selector: identities[0]?.name ?? '', node: node.name, command })
    const before = await Promise.all(pods.map((pod) => pod.address()))
    await node.powerOff()
    await node.powerOn()
    await until('the pods were started again', { deadlineMs: 120_000 }, async () => {
      const all = await Promise.all([...pods, thief].map((pod) => pod.object()))
      return all
        .map(firstContainer)
        .every((each) => each !== undefined && each.restartCount > 0 && each.state.running !== undefined)
    })
    await podid.ready('nmi')
    const after = await Promise.all(pods.map((pod) => pod.address()))
    world.say(`       addresses before: ${before.join(' ')}, after: ${after.join(' ')}`)
    for (const [at, pod] of pods.entries()) assertToken(await pod.token(), identities[at]?.clientId ?? '')
    await until('the thief is refused', { deadlineMs: 30_000 }, async () => {
      return (await thief.answers()).at(-1)?.status === 403
    })
    const answers = await thief.answers()
    const firstRefused = answers.findIndex(({ status }) => status === 403)
    const count = (wanted: number): number => answers.filter(({ status }) => status === wanted).length
    world.say(
      `       asked for the node’s own identity after the reboot: ${count(200)} tokens before the rules stood, ${count(0)} not answered, ${count(403)} refused`,
    )
    assert.ok(
      answers.slice(firstRefused).every(({ status }) => status !== 200),
      'a token after the agent was there',
    )
  },
}

export const NODES: readonly Scenario[] = [drained, lost, removed, rebooted]
