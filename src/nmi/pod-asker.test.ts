import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeSocket } from '../../test/fakes/fake-socket.ts'
import { makePod } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import { refuse } from '../model/refusal.ts'
import type { Pod } from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { type CallerProof, createCallers } from './caller.ts'
import { createConnections } from './connections.ts'
import { createPodAsker } from './pod-asker.ts'
import { createDirectReads } from './pod-reader.ts'
import type { AskerFound } from './standing.ts'
import { createWaiters } from './waiters.ts'

const ADDRESS = '10.244.0.10'
const never = new AbortController().signal

function setting(options: { proof?: CallerProof; read?: readonly Pod[] } = {}) {
  const clock = new FakeClock()
  const pods = new ObjectStore<Pod>()
  const reads = createDirectReads({
    reader: { podsAt: () => Promise.resolve(options.read ?? []) },
    clock,
    log: silentLog,
    signal: never,
  })
  const callers = createCallers({ pods, waiters: createWaiters(clock), clock, waitMs: 1_000, reads })
  const connections = createConnections(callers, 100)
  const open = () => {
    const socket = new FakeSocket(ADDRESS)
    connections.accept(socket.asSocket())
    const connection = connections.of(socket.asSocket())
    assert.ok(connection !== undefined)
    return createPodAsker(connection, { callers, clock, log: silentLog, proof: options.proof })
  }
  return { clock, pods, callers, open }
}

function textOf(found: AskerFound): string {
  return found.pod === undefined
    ? `${found.refusal.code}${found.settles ? ', may settle' : ''}`
    : found.pod.uid
}

test('a connection stays with its pod: the next pod of the address is refused on it for good', () => {
  const { pods, open } = setting()
  pods.put('default/a', makePod({ name: 'a', uid: 'a' }))
  const asker = open()
  assert.equal(textOf(asker.now()), 'a')
  pods.remove('default/a')
  assert.equal(textOf(asker.now()), 'pod-unknown, may settle')
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  assert.equal(textOf(asker.now()), 'caller-not-verified')
  assert.equal(textOf(open().now()), 'b')
})

test('a pod read from the API stands in for its watch event for some seconds, until it has ended', async () => {
  const pod = makePod({ uid: 'a' })
  const { clock, callers, open } = setting({ read: [pod] })
  const asker = open()
  const settled = asker.settle(never)
  await clock.advance(1_000)
  await settled
  assert.equal(textOf(asker.now()), 'a')
  await clock.advance(5_000)
  assert.equal(textOf(asker.now()), 'pod-unknown, may settle')
  const again = asker.settle(never)
  await clock.advance(1_000)
  await again
  assert.equal(textOf(asker.now()), 'a')
  callers.ended(pod)
  assert.equal(textOf(asker.now()), 'pod-unknown, may settle')
})

test('a proof is asked for once and holds for the connection', async () => {
  let asked = 0
  const proof: CallerProof = {
    verify: () => {
      asked += 1
      return Promise.resolve(undefined)
    },
  }
  const { pods, open } = setting({ proof })
  pods.put('default/a', makePod({ uid: 'a' }))
  const asker = open()
  assert.equal(textOf(asker.now()), 'caller-not-verified, may settle')
  await asker.settle(never)
  await asker.settle(never)
  assert.equal(textOf(asker.now()), 'a')
  assert.equal(asked, 1)
})

test('a disproof refuses for good, a failing or hanging proof refuses and is asked for again', async () => {
  const disproved = setting({
    proof: { verify: () => Promise.resolve(refuse('caller-not-verified', 'not it')) },
  })
  disproved.pods.put('default/a', makePod())
  const asker = disproved.open()
  await asker.settle(never)
  assert.equal(textOf(asker.now()), 'caller-not-verified')
  for (const verify of [() => Promise.reject(new Error('no /proc')), () => new Promise<never>(() => {})]) {
    const { clock, pods, open } = setting({ proof: { verify } })
    pods.put('default/a', makePod())
    const failing = open()
    const settled = failing.settle(never)
    await clock.advance(2_000)
    await settled
    assert.equal(textOf(failing.now()), 'caller-not-verified, may settle')
  }
})

test('a proof for a pod that has lost the address meanwhile proves nothing', async () => {
  const gate = Promise.withResolvers<undefined>()
  const { pods, open } = setting({ proof: { verify: () => gate.promise } })
  pods.put('default/a', makePod({ uid: 'a' }))
  const asker = open()
  const settled = asker.settle(never)
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  gate.resolve(undefined)
  await settled
  pods.remove('default/b')
  assert.equal(textOf(asker.now()), 'caller-not-verified, may settle')
})
