import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeSocket } from '../../test/fakes/fake-socket.ts'
import { makePod } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import type { Pod } from '../model/resources.ts'
import { type CallerProof, createCallers } from './caller.ts'
import { createConnections } from './connections.ts'
import { createWaiters } from './waiters.ts'

const ADDRESS = '10.244.0.10'

function setting(maxPerAddress = 100, proof?: CallerProof) {
  const clock = new FakeClock()
  const pods = new ObjectStore<Pod>()
  const callers = createCallers({ pods, waiters: createWaiters(clock), clock, waitMs: 1_000, proof })
  const connections = createConnections(callers, maxPerAddress)
  const accept = (address = ADDRESS): FakeSocket => {
    const socket = new FakeSocket(address)
    connections.accept(socket.asSocket())
    return socket
  }
  return { pods, connections, accept, of: (socket: FakeSocket) => connections.of(socket.asSocket()) }
}

test('a connection belongs to the pod that has its address when it is accepted', () => {
  const { pods, accept, of } = setting()
  pods.put('default/a', makePod({ uid: 'a' }))
  assert.equal(of(accept())?.podUid, 'a')
  assert.equal(of(accept('10.244.0.99'))?.podUid, undefined)
})

test('addresses of a dual-stack socket are those that pods have', () => {
  const { pods, accept, of } = setting()
  pods.put('default/a', makePod({ uid: 'a', addresses: [ADDRESS, 'fd00::a'] }))
  assert.equal(of(accept(`::ffff:${ADDRESS}`))?.podUid, 'a')
  assert.equal(of(accept('FD00:0:0:0:0:0:0:A'))?.podUid, 'a')
})

test('an address with a zone, or none at all, is let in by nobody', () => {
  const { accept } = setting()
  assert.ok(accept('fe80::1%eth0').destroyed)
  assert.ok(accept('').destroyed)
})

test("a pod's end cuts its connections and those from its addresses that nobody owns, and no others", () => {
  const { pods, connections, accept } = setting()
  const unowned = accept()
  const a = makePod({ uid: 'a' })
  pods.put('default/a', a)
  const owned = accept()
  const other = accept('10.244.0.11')
  pods.remove('default/a')
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  const next = accept()
  connections.podEnded(a)
  assert.deepEqual(
    [unowned, owned, other, next].map((socket) => socket.destroyed),
    [true, true, false, false],
  )
  assert.equal(connections.size, 2)
})

test('an address that a living pod leaves loses its connections', () => {
  const { pods, connections, accept } = setting()
  const a = makePod({ uid: 'a', addresses: [ADDRESS, 'fd00::a'] })
  pods.put('default/a', a)
  const left = accept()
  const kept = accept('fd00::a')
  connections.addressesLeft(a, [ADDRESS])
  assert.deepEqual([left.destroyed, kept.destroyed], [true, false])
})

test('some connections over the limit are marked to be told, the rest is destroyed, closed ones make room', () => {
  const { connections, accept, of } = setting(2)
  const sockets = Array.from({ length: 20 }, () => accept())
  assert.deepEqual(
    sockets.map((socket) => (socket.destroyed ? 'cut' : String(of(socket)?.excess))),
    sockets.map((_, i) => (i < 2 ? 'false' : i < 10 ? 'true' : 'cut')),
  )
  assert.equal(of(accept('10.244.0.11'))?.excess, false)
  for (const socket of sockets) socket.destroy()
  assert.equal(connections.size, 1)
  assert.equal(of(accept())?.excess, false)
})

test('a connection that the proof denies to the pod of its address is nobody’s, and outlives that pod', () => {
  const { pods, connections, accept, of } = setting(100, {
    verify: (pod) => (pod.uid === 'a' ? 'disproven' : 'proven'),
  })
  const a = makePod({ uid: 'a' })
  pods.put('default/a', a)
  const socket = accept()
  assert.deepEqual([of(socket)?.podUid, of(socket)?.proven], [undefined, false])
  pods.remove('default/a')
  connections.podEnded(a)
  assert.equal(socket.destroyed, false)
  pods.put('default/b', makePod({ name: 'b', uid: 'b' }))
  const next = of(accept())
  assert.deepEqual([next?.podUid, next?.proven], ['b', true])
})
