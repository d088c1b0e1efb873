import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeSocket } from '../../test/fakes/fake-socket.ts'
import { makePod } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import type { Pod } from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { type CallerProof, createCallers, type Verdict } from './caller.ts'
import { createConnections } from './connections.ts'
import { createPodAsker } from './pod-asker.ts'
import { createDirectReads } from './pod-reader.ts'
import type { AskerFound } from './standing.ts'
import { addressWaitKey, createWaiters } from './waiters.ts'

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
  const waiters = createWaiters(clock)
  const { proof } = options
  const callers = createCallers({ pods, waiters, clock, waitMs: 1_000, reads, proof })
  const connections = createConnections(callers, 100)
  const open = () => {
    const socket = new FakeSocket(ADDRESS)
    connections.accept(socket.asSocket())
    const connection = connections.of(socket.asSocket())
    assert.ok(connection !== undefined)
    return createPodAsker(connection, { callers, clock })
  }
  return { clock, pods, waiters, callers, open }
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

test('a pod that the proof denies is refused at once on a connection of its own, and waited for on any other', async () => {
  let verdict: Verdict = 'proven'
  const { clock, pods, open } = setting({ proof: { verify: () => verdict } })
  pods.put('default/a', makePod({ uid: 'a' }))
  const own = open()
  assert.equal(textOf(own.now()), 'a')
  verdict = 'disproven'
  assert.equal(textOf(own.now()), 'caller-not-verified')
  const other = open()
  assert.equal(textOf(other.now()), 'caller-not-verified, may settle')
  const settled = other.settle(never)
  await clock.advance(1_000)
  await settled
  assert.equal(textOf(other.now()), 'caller-not-verified, may settle')
  verdict = 'unknown'
  assert.equal(textOf(other.now()), 'a')
})

test('the next pod of an address is served on the connection that it opened before its event came', async () => {
  const { clock, pods, waiters, open } = setting({
    proof: { verify: (pod) => (pod.uid === 'b' ? 'proven' : 'disproven') },
  })
  pods.put('default/a', makePod({ name: 'a', uid: 'a' }))
  const asker = open()
  const settled = asker.settle(never)
  await clock.advance(400)
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  waiters.wake(addressWaitKey(ADDRESS))
  await settled
  // The event of the old pod's end is not needed: the proof tells them apart.
  assert.equal(textOf(asker.now()), 'b')
  pods.remove('default/a')
  assert.equal(textOf(asker.now()), 'b')
})

test('the API is asked when the watch only knows a pod that the proof denies', async () => {
  const next = makePod({ name: 'b', uid: 'b' })
  const old = makePod({ name: 'a', uid: 'a' })
  const { clock, pods, open } = setting({
    read: [old, next],
    proof: { verify: (pod) => (pod.uid === 'b' ? 'proven' : 'disproven') },
  })
  pods.put('default/a', old)
  const asker = open()
  const settled = asker.settle(never)
  await clock.advance(1_000)
  await settled
  assert.equal(textOf(asker.now()), 'b')
  await clock.advance(5_000)
  assert.equal(textOf(asker.now()), 'caller-not-verified')
})

test('an address that the bridge does not hear is let through only on a connection that was proven before', () => {
  let verdict: Verdict = 'proven'
  const { pods, open } = setting({ proof: { verify: () => verdict } })
  pods.put('default/a', makePod({ uid: 'a' }))
  const before = open()
  assert.equal(textOf(before.now()), 'a')
  verdict = 'unheard'
  assert.equal(textOf(before.now()), 'a')
  assert.equal(textOf(open().now()), 'caller-not-verified, may settle')
})

test('of two live pods of one address the proven one is served, and neither when it is both or none', () => {
  const proven = new Set<string>()
  const { pods, open } = setting({
    proof: { verify: (pod) => (proven.has(pod.uid) ? 'proven' : 'disproven') },
  })
  pods.put('default/a', makePod({ name: 'a', uid: 'a' }))
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  assert.equal(textOf(open().now()), 'pod-ambiguous, may settle')
  proven.add('b')
  assert.equal(textOf(open().now()), 'b')
  proven.add('a')
  assert.equal(textOf(open().now()), 'pod-ambiguous, may settle')
})
