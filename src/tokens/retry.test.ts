import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { AnsweringSource, makeRequest, makeToken, never } from '../../test/fakes/token-sources.ts'
import { retried } from './retry.ts'
import { type AccessToken, TokenError } from './token-source.ts'

function build(answers: readonly (TokenError | AccessToken)[]) {
  const clock = new FakeClock()
  const left = [...answers]
  const times: number[] = []
  const inner = new AnsweringSource(() => {
    times.push(clock.monotonic())
    const next = left.shift()
    if (next === undefined) throw new Error('asked too often')
    if (next instanceof TokenError) throw next
    return next
  })
  let retries = 0
  const source = retried(inner, {
    clock,
    firstMs: 2_000,
    maxMs: 8_000,
    holdMs: 15_000,
    retried: () => {
      retries += 1
    },
  })
  return { clock, source, times, retries: () => retries }
}

const failing = (status: number, retryAfterSeconds?: number) =>
  new TokenError(status === 429 ? 'upstream-throttled' : 'upstream-unavailable', 'failed', {
    status,
    retryAfterSeconds,
  })

test('failures that pass are tried again after at least one second, with growing pauses', async () => {
  const token = makeToken(new FakeClock())
  const { clock, source, times, retries } = build([failing(503), failing(410), token])
  const asked = source.token(makeRequest(), never)
  await clock.advance(20_000)
  assert.equal(await asked, token)
  assert.equal(retries(), 2)
  const [first = 0, second = 0, third = 0] = times
  assert.ok(second - first >= 1_000)
  assert.ok(third - second >= 2_000)
})

test('upstream is not asked before Retry-After', async () => {
  const token = makeToken(new FakeClock())
  const { clock, source, times } = build([failing(429, 9), token])
  const asked = source.token(makeRequest(), never)
  await clock.advance(20_000)
  await asked
  assert.equal(times[1], 9_000)
})

test('a Retry-After beyond the hold is handed on at once', async () => {
  const error = failing(429, 60)
  const { source, times } = build([error])
  await assert.rejects(source.token(makeRequest(), never), (thrown) => thrown === error)
  assert.equal(times.length, 1)
})

test('after the hold the last failure is handed on', async () => {
  const errors = Array.from({ length: 10 }, () => failing(503))
  const { clock, source, times } = build(errors)
  const asked = source.token(makeRequest(), never).catch((thrown: unknown) => thrown)
  await clock.advance(60_000)
  assert.ok((await asked) instanceof TokenError)
  assert.ok((times.at(-1) ?? 0) <= 15_000)
  assert.ok(times.length >= 3)
})

test('refusals, unknown identities and a used-up share are not tried again', async () => {
  for (const error of [
    new TokenError('token-denied', 'no'),
    new TokenError('secret-unusable', 'no'),
    new TokenError('identity-unknown-to-imds', 'no'),
    new TokenError('upstream-throttled', 'no', { ownShare: true }),
  ]) {
    const { source, times } = build([error])
    await assert.rejects(source.token(makeRequest(), never), (thrown) => thrown === error)
    assert.equal(times.length, 1, error.code)
  }
})

test('a caller who leaves during a pause ends it', async () => {
  const { clock, source, times } = build([failing(503)])
  const controller = new AbortController()
  const asked = source.token(makeRequest(), controller.signal)
  await clock.advance(10)
  controller.abort(new Error('left'))
  await assert.rejects(asked, /left/)
  assert.equal(times.length, 1)
  assert.equal(clock.timers, 0)
})
