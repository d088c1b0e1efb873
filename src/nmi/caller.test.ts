import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makePod } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import type { Pod } from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { type CallerProof, type Callers, createCallers } from './caller.ts'
import { createDirectReads } from './pod-reader.ts'
import { addressWaitKey, createWaiters, type Waiters } from './waiters.ts'

const ADDRESS = '10.244.0.10'

interface Setting {
  readonly clock: FakeClock
  readonly pods: ObjectStore<Pod>
  readonly waiters: Waiters
  readonly callers: Callers
  readonly reads: string[]
}

function setting(read?: (address: string) => Promise<readonly Pod[]>, proof?: CallerProof): Setting {
  const clock = new FakeClock()
  const pods = new ObjectStore<Pod>()
  const waiters = createWaiters(clock)
  const reads: string[] = []
  const reader =
    read &&
    createDirectReads({
      reader: {
        podsAt(address) {
          reads.push(address)
          return read(address)
        },
      },
      clock,
      log: silentLog,
      signal: new AbortController().signal,
    })
  return {
    clock,
    pods,
    waiters,
    reads,
    callers: createCallers({ pods, waiters, clock, waitMs: 1_000, reads: reader, proof }),
  }
}

const never = new AbortController().signal

test('a pod is found by each of its addresses, IPv4 and IPv6', () => {
  const { pods, callers } = setting()
  pods.put('default/a', makePod({ name: 'a', addresses: [ADDRESS, 'fd00::a'] }))
  assert.equal(callers.at(ADDRESS).pod?.name, 'a')
  assert.equal(callers.at('fd00::a').pod?.name, 'a')
  assert.equal(callers.at('10.244.0.11').refusal?.code, 'pod-unknown')
})

test('host-network pods and finished pods own no address', () => {
  const { pods, callers } = setting()
  pods.put('default/host', makePod({ name: 'host', hostNetwork: true }))
  pods.put('default/done', makePod({ name: 'done', phase: 'Succeeded' }))
  pods.put('default/failed', makePod({ name: 'failed', phase: 'Failed' }))
  assert.equal(callers.at(ADDRESS).refusal?.code, 'pod-unknown')
  pods.put('default/live', makePod({ name: 'live' }))
  assert.equal(callers.at(ADDRESS).pod?.name, 'live')
})

test('an address of two live pods is nobody until one of them has ended', () => {
  const { pods, callers } = setting()
  pods.put('default/a', makePod({ name: 'a' }))
  pods.put('default/b', makePod({ name: 'b' }))
  assert.deepEqual(callers.at(ADDRESS), {
    refusal: {
      code: 'pod-ambiguous',
      message: `live pods default/a and default/b of this node have the same address ${ADDRESS}`,
    },
  })
  pods.put('default/a', makePod({ name: 'a', phase: 'Succeeded' }))
  assert.equal(callers.at(ADDRESS).pod?.name, 'b')
})

test('an address that is not known yet waits for its watch event', async () => {
  const { clock, pods, waiters, callers } = setting()
  const found = callers.find(ADDRESS, never)
  await clock.advance(400)
  pods.put('default/a', makePod({ name: 'a' }))
  waiters.wake(addressWaitKey(ADDRESS))
  assert.equal((await found).pod?.name, 'a')
  assert.equal(waiters.size, 0)
  assert.equal(clock.timers, 0)
})

test('when no event comes the API is read once, for all who ask about that address', async () => {
  const gate = Promise.withResolvers<readonly Pod[]>()
  const { clock, callers, reads } = setting(() => gate.promise)
  const found = Promise.all([callers.find(ADDRESS, never), callers.find(ADDRESS, never)])
  await clock.advance(1_000)
  gate.resolve([makePod({ name: 'a' })])
  assert.deepEqual(
    (await found).map((each) => each.pod?.name),
    ['a', 'a'],
  )
  assert.deepEqual(reads, [ADDRESS])
})

test('an address that the API does not know either is held for a moment, not asked for again', async () => {
  const { clock, callers, reads } = setting(() => Promise.resolve([]))
  for (let i = 0; i < 2; i += 1) {
    const found = callers.find(ADDRESS, never)
    await clock.advance(1_000)
    assert.equal((await found).refusal?.code, 'pod-unknown')
  }
  assert.equal(reads.length, 1)
  await clock.advance(2_000)
  const later = callers.find(ADDRESS, never)
  await clock.advance(1_000)
  await later
  assert.equal(reads.length, 2)
})

test('direct reads are limited for the node as a whole', async () => {
  const { clock, callers, reads } = setting(() => Promise.resolve([]))
  const all = Promise.all(Array.from({ length: 100 }, (_, i) => callers.find(`10.1.0.${i}`, never)))
  await clock.advance(1_000)
  await all
  assert.ok(reads.length <= 25, String(reads.length))
})

test('a direct read cannot bring back a pod whose end was seen', async () => {
  const ended = makePod({ name: 'a' })
  const { clock, callers } = setting(() => Promise.resolve([ended]))
  callers.ended(ended)
  const found = callers.find(ADDRESS, never)
  await clock.advance(1_000)
  assert.equal((await found).refusal?.code, 'pod-unknown')
})

test('what the watch tells while the read is under way goes first', async () => {
  const gate = Promise.withResolvers<readonly Pod[]>()
  const { clock, pods, callers } = setting(() => gate.promise)
  const found = callers.find(ADDRESS, never)
  await clock.advance(1_000)
  pods.put('default/b', makePod({ name: 'b' }))
  gate.resolve([makePod({ name: 'a' })])
  assert.equal((await found).pod?.name, 'b')
})

test('a direct read with finished, host-network or several pods gives nobody the address by chance', async () => {
  const answers: (readonly [Pod[], string])[] = [
    [[makePod({ phase: 'Failed' })], 'pod-unknown'],
    [[makePod({ hostNetwork: true })], 'pod-unknown'],
    [[makePod({ addresses: ['10.9.9.9'] })], 'pod-unknown'],
    [[makePod({ name: 'a' }), makePod({ name: 'b' })], 'pod-ambiguous'],
  ]
  for (const [pods, code] of answers) {
    const { clock, callers } = setting(() => Promise.resolve(pods))
    const found = callers.find(ADDRESS, never)
    await clock.advance(1_000)
    assert.equal((await found).refusal?.code, code)
  }
})

test('a failing or hanging API server leaves the address unknown', async () => {
  const failing = setting(() => Promise.reject(new Error('refused')))
  const failed = failing.callers.find(ADDRESS, never)
  await failing.clock.advance(1_000)
  assert.equal((await failed).refusal?.code, 'pod-unknown')
  const hanging = setting(() => new Promise(() => {}))
  const hung = hanging.callers.find(ADDRESS, never)
  await hanging.clock.advance(3_000)
  assert.equal((await hung).refusal?.code, 'pod-unknown')
})

test('a client that goes away ends the wait', async () => {
  const { clock, waiters, callers } = setting()
  const controller = new AbortController()
  const found = callers.find(ADDRESS, controller.signal)
  await clock.advance(10)
  controller.abort(new Error('gone'))
  await assert.rejects(found, /gone/)
  assert.equal(waiters.size, 0)
  assert.equal(clock.timers, 0)
})

test('a pod that its bridge shows, or guards, only after the API was read still answers for its first request', async () => {
  const pod = makePod({ name: 'young', addresses: [ADDRESS] })
  let shown = false
  const proof: CallerProof = { verify: () => (shown ? 'proven' : 'unheard') }
  for (const watched of [true, false]) {
    shown = false
    const { clock, pods, waiters, callers } = setting(async () => [pod], proof)
    if (watched) pods.put('default/young', pod)
    const found = callers.find(ADDRESS, never)
    await clock.advance(1_200)
    shown = true
    waiters.wake(addressWaitKey(ADDRESS))
    assert.equal((await found).pod?.name, 'young')
  }
})

test('a pod that its bridge never shows is refused after a bounded wait', async () => {
  const pod = makePod({ name: 'silent', addresses: [ADDRESS] })
  const { clock, pods, callers } = setting(async () => [pod], { verify: () => 'unheard' })
  pods.put('default/silent', pod)
  const found = callers.find(ADDRESS, never)
  await clock.advance(2_000)
  assert.equal((await found).refusal?.code, 'caller-not-verified')
})
