import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { createBackoff } from './backoff.ts'

test('delays double up to the limit, each between half of its step and all of it', () => {
  const backoff = createBackoff(new FakeClock(), { firstMs: 100, maxMs: 1_000 })
  for (const step of [100, 200, 400, 800, 1_000, 1_000]) {
    const delay = backoff.next()
    assert.ok(delay >= step / 2 && delay <= step, `${delay} is not in [${step / 2}, ${step}]`)
  }
})

test('a reset starts again with the first delay', () => {
  const backoff = createBackoff(new FakeClock(), { firstMs: 100, maxMs: 60_000 })
  for (let i = 0; i < 8; i += 1) backoff.next()
  backoff.reset()
  assert.ok(backoff.next() <= 100)
})
