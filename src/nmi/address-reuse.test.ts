/**
 * An address that moves from one pod to the next within a second, while the watch is late and tells
 * things in any order. Seeded: every run sees the same 10,000 rounds.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeBroker, tokenTextOf } from '../../test/fakes/fake-broker.ts'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeLinks } from '../../test/fakes/fake-links.ts'
import { FakeSocket } from '../../test/fakes/fake-socket.ts'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import { objectKey } from '../model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { type CallerProof, createCallers } from './caller.ts'
import { createClusterView } from './cluster-view.ts'
import { nmiConfig } from './config.ts'
import { type Connection, createConnections } from './connections.ts'
import { createLinkAges } from './link/link-ages.ts'
import { createLinkProof } from './link/link-proof.ts'
import { createLinkTable, type LinkTable } from './link/link-table.ts'
import { createPodAsker } from './pod-asker.ts'
import { watchPodEnds } from './pod-ends.ts'
import { createStandings } from './standing.ts'
import { createTokenFlow } from './token-flow.ts'
import { createWaiters } from './waiters.ts'

const ADDRESS = '10.244.0.10'
const TARGET = { kind: 'token', resource: 'https://vault.azure.net', selector: {} } as const

/** How pods hang on the node; undefined: nothing is looked at but the watch. */
type Shape = 'routed' | 'bridge' | undefined

/** The request path without sockets, the stores that the watch would fill, and the devices of the node. */
function agent(shape: Shape) {
  const clock = new FakeClock()
  const links = new FakeLinks()
  const pods = new ObjectStore<Pod>()
  const bindings = new ObjectStore<AzureIdentityBinding>()
  const identities = new ObjectStore<AzureIdentity>()
  const assigned = new ObjectStore<AzureAssignedIdentity>()
  const exceptions = new ObjectStore<AzurePodIdentityException>()
  const config = nmiConfig()
  const view = createClusterView({ pods, bindings, identities, assigned, exceptions })
  const broker = new FakeBroker()
  const waiters = createWaiters(clock)
  const proof = shape === undefined ? undefined : proofOf(pods, links, clock)
  const callers = createCallers({ pods, waiters, clock, waitMs: 1_000, proof })
  const connections = createConnections(callers, 1_000)
  const standings = createStandings({ config, view, broker, clock, log: silentLog })
  const flow = createTokenFlow({ config, standings, broker, waiters, clock, closing: () => false })
  watchPodEnds(pods, {
    podEnded(pod) {
      callers.ended(pod)
      connections.podEnded(pod)
    },
    addressesLeft: (pod, addresses) => connections.addressesLeft(pod, addresses),
  })
  for (const name of ['a', 'b']) {
    identities.put(`default/${name}`, makeIdentity({ name }))
    bindings.put(`default/${name}`, makeBinding({ name, azureIdentity: name, selector: name }))
  }
  return {
    clock,
    pods,
    assigned,
    /** The network plugin makes the pod's device; it takes the address at once. */
    plug(name: string): void {
      if (shape === 'bridge') links.plug(name)
      else links.route(ADDRESS, name)
    },
    unplug: (name: string): void => links.remove(name),
    /** A packet of the pod passes the bridge. */
    hear(name: string): void {
      if (shape === 'bridge') links.hear(name, ADDRESS)
    },
    open(): { socket: FakeSocket; connection: Connection } {
      const socket = new FakeSocket(ADDRESS)
      connections.accept(socket.asSocket())
      const connection = connections.of(socket.asSocket())
      assert.ok(connection !== undefined)
      return { socket, connection }
    },
    /** The text of the token that a request on this connection gets now, if any. */
    ask({ socket, connection }: { socket: FakeSocket; connection: Connection }): string | undefined {
      if (socket.destroyed) return undefined
      const outcome = flow.now(createPodAsker(connection, { callers, clock }), TARGET)
      return outcome?.kind === 'granted' ? outcome.tokens[0].value.reveal() : undefined
    },
  }
}

function proofOf(pods: ObjectStore<Pod>, links: FakeLinks, clock: FakeClock): CallerProof {
  const table = createLinkTable({ files: links, clock })
  // The rounds take no time; what the table has read is old at the next question all the same.
  const renewed: LinkTable = {
    locate(address) {
      table.refresh()
      return table.locate(address)
    },
    refresh: () => table.refresh(),
  }
  const ages = createLinkAges({ files: links, clock })
  return createLinkProof({ pods, table: renewed, ages, clock, log: silentLog })
}

interface Round {
  /** Requests of B that got the token of A, before any event told of the change. */
  leaked: number
  /** Milliseconds from B's first packet to the first event that tells of A's end or of B. */
  windowMs: number
}

type Agent = ReturnType<typeof agent>

function playRound(world: Agent, round: number, random: () => number): Round {
  const { pods, assigned } = world
  const pick = (ms: number): number => Math.floor(random() * ms)
  const podA = makePod({ name: `a-${round}`, uid: `a-${round}`, selector: 'a', addresses: [ADDRESS] })
  const podB = makePod({ name: `b-${round}`, uid: `b-${round}`, selector: 'b', addresses: [ADDRESS] })
  const keyOf = (pod: Pod): string => objectKey(pod.namespace, pod.name)
  const objectOf = (pod: Pod, name: string) =>
    assigned.put(
      keyOf(pod),
      makeAssigned({ name: pod.name, pod: pod.name, identity: makeIdentity({ name }) }),
    )
  const tokenA = tokenTextOf({ namespace: 'default', name: 'a' })
  const tokenB = tokenTextOf({ namespace: 'default', name: 'b' })

  // Interface names come again, as with plugins that make them of the pod's name.
  const linkA = `veth${round % 2}`
  const linkB = random() < 0.5 ? linkA : `veth${(round + 1) % 2}`
  world.plug(linkA)
  const heardEarly = random() < 0.5
  if (heardEarly) world.hear(linkA)
  pods.put(keyOf(podA), podA)
  objectOf(podA, 'a')
  world.hear(linkA)
  const ofA = Array.from({ length: 1 + pick(3) }, () => world.open())
  assert.equal(world.ask(ofA[0] ?? world.open()), tokenA)

  // Time runs from A's end. The watch may tell B before it tells A's end, and either very late.
  const startB = pick(1_000)
  const tellB = startB + pick(3_000)
  const tellEnd = pick(4_000)
  const finishes = random() < 0.5
  const result: Round = { leaked: 0, windowMs: Math.max(0, Math.min(tellB, tellEnd) - startB) }
  let sawB = false
  let sawEnd = false
  const ofB: ReturnType<Agent['open']>[] = []
  const events: [at: number, run: () => void][] = [
    [-1, () => world.unplug(linkA)],
    [startB, () => world.plug(linkB)],
    [
      tellEnd,
      () => {
        sawEnd = true
        if (finishes) pods.put(keyOf(podA), { ...podA, phase: 'Succeeded' })
        else pods.remove(keyOf(podA))
      },
    ],
    // First without its address, as a kubelet reports it.
    [
      Math.max(0, tellB - pick(500)),
      () => {
        if (!sawB) pods.put(keyOf(podB), { ...podB, phase: 'Pending', addresses: [] })
      },
    ],
    [
      tellB,
      () => {
        sawB = true
        pods.put(keyOf(podB), podB)
      },
    ],
    [tellB + pick(1_000), () => objectOf(podB, 'b')],
  ]
  for (let i = 0; i < 8; i += 1) {
    events.push([
      startB + pick(5_000),
      () => {
        world.hear(linkB)
        const connection = random() < 0.5 ? ofB[pick(ofB.length)] : undefined
        const used = connection ?? world.open()
        ofB.push(used)
        const got = world.ask(used)
        if (got !== tokenA) return
        assert.ok(!sawB, `round ${round}: B got A's token after B's event`)
        assert.ok(!sawEnd, `round ${round}: B got A's token after A's end`)
        result.leaked += 1
      },
    ])
    events.push([
      pick(6_000),
      () => {
        const got = world.ask(ofA[pick(ofA.length)] ?? world.open())
        assert.notEqual(got, tokenB, `round ${round}: a connection of A got B's token`)
        assert.ok(
          got === undefined || (!sawB && !sawEnd),
          `round ${round}: a connection of A got a token after the change`,
        )
      },
    ])
  }
  for (const [, run] of events.sort(([a], [b]) => a - b)) run()
  world.hear(linkB)
  assert.equal(world.ask(world.open()), tokenB, `round ${round}: in the end B gets its own token`)
  for (const pod of [podA, podB]) {
    pods.remove(keyOf(pod))
    assigned.remove(keyOf(pod))
  }
  for (const { socket } of [...ofA, ...ofB]) socket.destroy()
  world.unplug(linkB)
  return result
}

test('over 10,000 rounds of a reused address no pod gets the token of another once the watch has told of either', () => {
  const world = agent(undefined)
  const random = (): number => world.clock.random()
  let leaked = 0
  for (let round = 0; round < 10_000; round += 1) {
    const result = playRound(world, round, random)
    // What remains is bounded by the lag of the watch: no lag, no leak.
    if (result.windowMs === 0) assert.equal(result.leaked, 0, `round ${round}`)
    if (result.leaked > 0) leaked += 1
  }
  // The rounds do reach the window that only a proof of the caller can close.
  assert.ok(leaked > 1_000, String(leaked))
})

for (const shape of ['routed', 'bridge'] as const) {
  test(`${shape}: over 10,000 rounds of a reused address no pod gets the token of another, however late the watch is`, () => {
    const world = agent(shape)
    const random = (): number => world.clock.random()
    for (let round = 0; round < 10_000; round += 1)
      assert.equal(playRound(world, round, random).leaked, 0, `round ${round}`)
  })
}
