import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeToken } from '../../test/fakes/token-sources.ts'
import { remainingMs, renewAt, tokenAge } from './token-age.ts'

const HOUR = 3_600_000
const MARGIN = 310_000

test('a token ages with the monotonic clock when the wall clock is set back', async () => {
  const clock = new FakeClock()
  const age = tokenAge(makeToken(clock, { seconds: 3600 }), clock)
  clock.jumpWallClock(-24 * HOUR)
  assert.equal(remainingMs(age, clock), HOUR)
  await clock.advance(HOUR)
  assert.equal(remainingMs(age, clock), 0)
})

test('a token ages with the wall clock when that went ahead, since the machine may have been suspended', () => {
  const clock = new FakeClock()
  const age = tokenAge(makeToken(clock, { seconds: 3600 }), clock)
  clock.jumpWallClock(2 * HOUR)
  assert.equal(remainingMs(age, clock), -HOUR)
  clock.jumpWallClock(-2 * HOUR)
  assert.equal(remainingMs(age, clock), HOUR)
})

test('on a node whose clock is days ahead, new tokens live as long as upstream says', () => {
  const clock = new FakeClock()
  const token = makeToken(clock, { seconds: 3600 })
  clock.jumpWallClock(48 * HOUR)
  assert.equal(remainingMs(tokenAge(token, clock), clock), HOUR)
})

test('of the named life and the expiry on the clock the shorter counts', () => {
  const clock = new FakeClock()
  const token = makeToken(clock, { seconds: 600, lifetimeSeconds: 86_400 })
  assert.equal(tokenAge(token, clock).lifetimeMs, 600_000)
  const { lifetimeSeconds: _, ...unnamed } = token
  assert.equal(tokenAge(unnamed, clock).lifetimeMs, 600_000)
})

test('a token is renewed by half of its life, never within the margin, and earlier when advised', () => {
  const clock = new FakeClock()
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
      (seconds, advice) => {
        const bare = makeToken(clock, { seconds })
        const token = advice === undefined ? bare : { ...bare, refreshOn: clock.now() / 1000 + advice }
        const age = tokenAge(token, clock)
        const at = renewAt(token, age, MARGIN, clock)
        if (seconds * 1000 - MARGIN < 60_000) {
          assert.equal(at, Number.POSITIVE_INFINITY)
          return
        }
        assert.ok(at >= 0 && at <= (seconds * 1000) / 2)
        assert.ok(at < seconds * 1000 - MARGIN)
        if (advice !== undefined) assert.ok(at <= Math.max(advice * 1000, 30_000))
      },
    ),
  )
})

test('tokens that came together are not renewed together', () => {
  const clock = new FakeClock()
  const token = makeToken(clock)
  const times = Array.from({ length: 50 }, () => renewAt(token, tokenAge(token, clock), MARGIN, clock))
  assert.ok(Math.max(...times) - Math.min(...times) > HOUR)
})
