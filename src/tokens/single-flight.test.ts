import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { ManualSource, makeRequest, makeToken, never } from '../../test/fakes/token-sources.ts'
import { createSingleFlight } from './single-flight.ts'
import { TokenError } from './token-source.ts'

function build() {
  const clock = new FakeClock()
  const inner = new ManualSource()
  return { clock, inner, flights: createSingleFlight(inner, { clock, flightMs: 45_000 }) }
}

test('ten who want the same token cost one request, and all get it', async () => {
  const { clock, inner, flights } = build()
  const all = Array.from({ length: 10 }, (_, n) => flights.token(makeRequest({ caller: `pod-${n}` }), never))
  assert.equal(inner.calls.length, 1)
  assert.ok(flights.inFlight(makeRequest()))
  const token = makeToken(clock)
  inner.call(0).answer(token)
  assert.deepEqual(
    await Promise.all(all),
    Array.from({ length: 10 }, () => token),
  )
  assert.ok(!flights.inFlight(makeRequest()))
  assert.equal(clock.timers, 0)
})

test('different resources, tenants and identities fly alone', () => {
  const { inner, flights } = build()
  const left = new AbortController()
  for (const request of [
    makeRequest(),
    makeRequest({ resource: 'https://vault.azure.net/' }),
    makeRequest({ tenantId: 'other' }),
    makeRequest({ identity: 'other' }),
    makeRequest({ principal: { kind: 'node' } }),
  ])
    void flights.token(request, left.signal).catch(() => {})
  assert.equal(inner.calls.length, 5)
  left.abort(new Error('over'))
})

test('the flight outlives the caller who began it', async () => {
  const { clock, inner, flights } = build()
  const first = new AbortController()
  const began = flights.token(makeRequest({ caller: 'a' }), first.signal)
  const joined = flights.token(makeRequest({ caller: 'b' }), never)
  first.abort(new Error('left'))
  await assert.rejects(began, /left/)
  assert.ok(!inner.call(0).signal.aborted)
  const token = makeToken(clock)
  inner.call(0).answer(token)
  assert.equal(await joined, token)
})

test('the flight ends when all have left, and the next caller begins a new one', async () => {
  const { inner, flights } = build()
  const controllers = [new AbortController(), new AbortController()]
  const all = controllers.map(({ signal }) => flights.token(makeRequest(), signal).catch(() => 'left'))
  for (const controller of controllers) controller.abort(new Error('left'))
  assert.deepEqual(await Promise.all(all), ['left', 'left'])
  assert.ok(inner.call(0).signal.aborted)
  const next = new AbortController()
  const late = flights.token(makeRequest(), next.signal).catch(() => 'left')
  assert.equal(inner.calls.length, 2)
  assert.ok(!inner.call(1).signal.aborted)
  next.abort(new Error('over'))
  await late
})

test('a failure is shared by those who waited and not kept', async () => {
  const { clock, inner, flights } = build()
  const all = [flights.token(makeRequest(), never), flights.token(makeRequest(), never)]
  const error = new TokenError('upstream-unavailable', 'failed')
  inner.call(0).fail(error)
  for (const outcome of await Promise.allSettled(all))
    assert.equal(outcome.status === 'rejected' && outcome.reason, error)
  const again = flights.token(makeRequest(), never)
  inner.call(1).answer(makeToken(clock))
  await again
})

test('who joined a flight is not refused because its owner used up his share', async () => {
  const { clock, inner, flights } = build()
  const owner = flights.token(makeRequest({ caller: 'greedy' }), never)
  const joined = flights.token(makeRequest({ caller: 'modest' }), never)
  inner.call(0).fail(new TokenError('upstream-throttled', 'no share', { ownShare: true }))
  await assert.rejects(owner, /no share/)
  await clock.advance(0)
  assert.equal(inner.calls.length, 2)
  assert.equal(inner.call(1).request.caller, 'modest')
  const token = makeToken(clock)
  inner.call(1).answer(token)
  assert.equal(await joined, token)
})

test('a flight without an end is ended, in words that callers understand', async () => {
  const { clock, inner, flights } = build()
  const asked = flights.token(makeRequest(), never).catch((thrown: unknown) => thrown)
  await clock.advance(45_000)
  const thrown = await asked
  assert.ok(thrown instanceof TokenError)
  assert.equal(thrown.code, 'upstream-unavailable')
  assert.ok(inner.call(0).signal.aborted)
})

test('an aborted signal starts nothing', async () => {
  const { inner, flights } = build()
  await assert.rejects(flights.token(makeRequest(), AbortSignal.abort(new Error('gone'))), /gone/)
  assert.equal(inner.calls.length, 0)
})

test('stop ends all flights', async () => {
  const { clock, inner, flights } = build()
  const asked = flights.token(makeRequest(), never)
  flights.stop()
  await assert.rejects(asked, /podid stops/)
  assert.equal(inner.open, 0)
  assert.equal(clock.timers, 0)
})
