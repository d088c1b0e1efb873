import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { type Journey, LockServer, lockOver } from '../../test/fakes/memory-lock.ts'
import { createLockCandidate } from './lock-candidate.ts'

const OPTIONS = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000 }
const NEVER = new AbortController().signal

function setUp(journey: () => Journey, identity = 'a', server = new LockServer(), clock = new FakeClock()) {
  const lock = lockOver(server, { clock, journey })
  return { clock, server, candidate: createLockCandidate(lock, { ...OPTIONS, identity, clock }) }
}

test('trust in a renewal counts from before its request was sent, however late its answer comes', async () => {
  const { clock, candidate } = setUp(() => ({ there: 500, back: 4_000 }))
  const first = candidate.attempt(NEVER)
  await clock.advance(9_000)
  assert.deepEqual(await first, { held: true, trustedUntil: 4_500 + 10_000 }, 'read, then written at 4.5 s')
  const second = candidate.attempt(NEVER)
  await clock.advance(4_500)
  assert.deepEqual(await second, { held: true, trustedUntil: 9_000 + 10_000 })
})

test('the patience with another holder counts from when its record was last seen to change', async () => {
  const server = new LockServer()
  const record = { holder: 'b', leaseDurationMs: 15_000, acquiredAt: 0, renewedAt: 0, transitions: 0 }
  let seen = server.commit(record, undefined)
  const { clock, candidate } = setUp(() => ({ there: 0, back: 0 }), 'a', server)
  const tryNow = async () => {
    const attempt = candidate.attempt(NEVER)
    await clock.advance(0)
    return (await attempt).held
  }
  assert.equal(await tryNow(), false)
  await clock.advance(14_000)
  assert.equal(await tryNow(), false)
  seen = server.commit({ ...record, renewedAt: 1 }, seen)
  assert.equal(await tryNow(), false)
  await clock.advance(14_999)
  assert.equal(await tryNow(), false)
  await clock.advance(1)
  assert.equal(await tryNow(), true)
})

test('the wall clock has no say: neither a jump here nor a wrong time in the record', async () => {
  const server = new LockServer()
  const longAgo = { holder: 'b', leaseDurationMs: 15_000, acquiredAt: 0, renewedAt: 0, transitions: 0 }
  server.commit(longAgo, undefined)
  const { clock, candidate } = setUp(() => ({ there: 0, back: 0 }), 'a', server)
  const first = candidate.attempt(NEVER)
  await clock.advance(0)
  await first
  clock.jumpWallClock(86_400_000)
  const second = candidate.attempt(NEVER)
  await clock.advance(0)
  assert.equal((await second).held, false)
})

test('after a write whose answer was lost the record is read again, and found to be ours', async () => {
  let lost: Journey['lost']
  const { clock, server, candidate } = setUp(() => ({
    there: 1,
    back: 1,
    ...(lost === undefined ? {} : { lost }),
  }))
  const first = candidate.attempt(NEVER)
  await clock.advance(10)
  await first
  lost = 'back'
  const deadline = new AbortController()
  const second = candidate.attempt(deadline.signal)
  await clock.advance(10)
  deadline.abort(new Error('too late'))
  await assert.rejects(second, /too late/)
  lost = undefined
  const third = candidate.attempt(NEVER)
  await clock.advance(10)
  assert.equal((await third).held, true)
  assert.equal(server.record?.transitions, 0)
})

test('of two that see a free lock one gets it and the other is told that it lost the race', async () => {
  const clock = new FakeClock()
  const server = new LockServer()
  const journey = (): Journey => ({ there: 1, back: 1 })
  const a = setUp(journey, 'a', server, clock).candidate
  const b = setUp(journey, 'b', server, clock).candidate
  const both = Promise.all([a.attempt(NEVER), b.attempt(NEVER)])
  await clock.advance(10)
  assert.deepEqual(
    (await both).map((attempt) => attempt.held),
    [true, false],
  )
})

test('a lock that was taken from us is not given back in the name of its new holder', async () => {
  const { clock, server, candidate } = setUp(() => ({ there: 1, back: 1 }))
  const first = candidate.attempt(NEVER)
  await clock.advance(10)
  await first
  const { record } = server
  assert.ok(record !== undefined)
  server.commit({ ...record, holder: 'b' }, record)
  const released = candidate.release(NEVER)
  await clock.advance(10)
  await released
  assert.equal(server.record?.holder, 'b')
})
