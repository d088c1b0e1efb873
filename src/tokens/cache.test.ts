import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  AnsweringSource,
  CountingMetrics,
  ManualSource,
  makeRequest,
  makeToken,
  never,
} from '../../test/fakes/token-sources.ts'
import { makeIdentity } from '../../test/make/objects.ts'
import { type CacheOptions, createCache } from './cache.ts'
import { createSingleFlight } from './single-flight.ts'
import { type AccessToken, TokenError, type TokenRequest, type TokenSource } from './token-source.ts'

const HOUR = 3_600_000
const MARGIN = 310_000

function build<S extends TokenSource>(make: (clock: FakeClock) => S, options: Partial<CacheOptions> = {}) {
  const clock = new FakeClock()
  const source = make(clock)
  const metrics = new CountingMetrics()
  const flights = createSingleFlight(source, { clock, flightMs: 45_000 })
  const failures: TokenRequest[] = []
  const cache = createCache(flights, {
    clock,
    marginMs: MARGIN,
    maxAgeMs: Number.POSITIVE_INFINITY,
    maxEntries: 2_000,
    maxEntriesPerPrincipal: 64,
    refusalMs: 60_000,
    metrics,
    renewalFailed: (request) => failures.push(request),
    ...options,
  })
  return { clock, source, metrics, flights, cache, failures }
}

const answering = (fields: Parameters<typeof makeToken>[1] = {}) =>
  build((clock) => new AnsweringSource(() => makeToken(clock, fields)))

const unavailable = () => new TokenError('upstream-unavailable', 'IMDS did not answer')

function fails(error: Error): (request: TokenRequest) => AccessToken {
  return () => {
    throw error
  }
}

const sha256 = (token: AccessToken) => createHash('sha256').update(token.value.reveal()).digest('hex')

test('the first request goes upstream, the next is served from memory, and both are counted', async () => {
  const { cache, source, metrics } = answering()
  assert.equal(cache.peek(makeRequest()), undefined)
  const token = await cache.token(makeRequest(), never)
  assert.equal(cache.peek(makeRequest()), token)
  assert.equal(await cache.token(makeRequest({ caller: 'pod-b' }), never), token)
  assert.equal(source.calls, 1)
  assert.equal(metrics.of('cache:miss'), 1)
  assert.equal(metrics.of('cache:hit'), 2)
  cache.stop()
})

test('a token is only served for its identity, resource and tenant', async () => {
  const { cache, source } = answering()
  const requests = [
    makeRequest(),
    makeRequest({ resource: 'https://vault.azure.net/' }),
    makeRequest({ tenantId: 'other' }),
    makeRequest({ identity: 'other' }),
    makeRequest({ principal: { kind: 'node' } }),
    makeRequest({ tenantId: 'x', resource: 'y' }),
    makeRequest({ resource: 'x\ny' }),
  ]
  const tokens = []
  for (const request of requests) {
    assert.equal(cache.peek(request), undefined)
    tokens.push(await cache.token(request, never))
  }
  assert.equal(source.calls, requests.length)
  for (const [index, request] of requests.entries()) assert.equal(cache.peek(request), tokens[index])
  cache.stop()
})

test('two objects that say the same of an identity share its token; a changed one does not', async () => {
  const { cache } = answering()
  const identity = makeIdentity({ name: 'twice' })
  const request = (changed: object) =>
    makeRequest({ principal: { kind: 'identity', identity: { ...identity, ...changed } } })
  const token = await cache.token(request({}), never)
  assert.equal(cache.peek(request({ resourceVersion: '2' })), token)
  assert.equal(cache.peek(request({ clientId: 'another' })), undefined)
  cache.stop()
})

test('no token is served with less than the margin left', async () => {
  const { cache, clock, source } = answering({ seconds: 330 })
  const first = await cache.token(makeRequest(), never)
  await clock.advance(19_999)
  assert.equal(cache.peek(makeRequest()), first)
  await clock.advance(1)
  assert.equal(cache.peek(makeRequest()), undefined)
  const second = await cache.token(makeRequest(), never)
  assert.notEqual(second, first)
  assert.equal(source.calls, 2)
  cache.stop()
})

test('a token with a life below the margin is handed out and not served again', async () => {
  const { cache, source } = answering({ seconds: 300 })
  const first = await cache.token(makeRequest(), never)
  assert.equal(cache.peek(makeRequest()), undefined)
  assert.notEqual(await cache.token(makeRequest(), never), first)
  assert.equal(source.calls, 2)
  cache.stop()
})

test('while a pod uses it, a token is renewed ahead of its expiry and no request waits', async () => {
  const { cache, clock, source, metrics } = answering({ seconds: 3_600 })
  const first = await cache.token(makeRequest(), never)
  await clock.advance(HOUR / 2)
  assert.equal(source.calls, 2)
  const second = cache.peek(makeRequest())
  assert.ok(second !== undefined && second !== first)
  for (let n = 0; n < 20; n += 1) {
    await clock.advance(HOUR / 4)
    assert.ok(cache.peek(makeRequest()) !== undefined)
  }
  assert.equal(metrics.of('cache:miss'), 1)
  assert.equal(metrics.of('renewal:renewed'), source.calls - 1)
  cache.stop()
})

test('a token that nobody uses is renewed once at most, and leaves the cache when it expires', async () => {
  const { cache, clock, source } = answering({ seconds: 3_600 })
  await cache.token(makeRequest(), never)
  await clock.advance(10 * HOUR)
  assert.equal(source.calls, 2)
  assert.equal(cache.size, 0)
  assert.equal(cache.pods, 0)
  assert.equal(clock.timers, 0)
})

test('a token that is used again after its renewal was due is renewed then', async () => {
  const { cache, clock, source } = answering({ seconds: 86_400 })
  await cache.token(makeRequest(), never)
  await clock.advance(12 * HOUR)
  assert.equal(source.calls, 2)
  await clock.advance(12 * HOUR)
  assert.equal(source.calls, 2)
  assert.ok(cache.peek(makeRequest()) !== undefined)
  await clock.advance(0)
  assert.equal(source.calls, 3)
  cache.stop()
})

test('when 1000 pods end, the cache is empty and nothing is renewed any more', async () => {
  const { cache, clock, source } = answering({ seconds: 3_600 })
  const requests = Array.from({ length: 1_000 }, (_, n) =>
    makeRequest({ identity: `id-${n % 100}`, caller: `pod-${n}`, resource: `https://r${n % 7}.example` }),
  )
  for (const request of requests) await cache.token(request, never)
  assert.equal(cache.size, 700)
  assert.equal(cache.pods, 1_000)
  for (const { caller } of requests) cache.podGone(caller)
  assert.equal(cache.size, 0)
  assert.equal(cache.pods, 0)
  assert.equal(clock.timers, 0)
  const before = source.calls
  await clock.advance(24 * HOUR)
  assert.equal(source.calls, before)
})

test('an entry lives as long as one of its pods', async () => {
  const { cache } = answering()
  await cache.token(makeRequest({ caller: 'a' }), never)
  cache.peek(makeRequest({ caller: 'b' }))
  cache.podGone('a')
  assert.equal(cache.size, 1)
  cache.podGone('b')
  assert.equal(cache.size, 0)
})

test('an answer that comes after the end of its only pod is not kept', async () => {
  const { cache, clock, source } = build(() => new ManualSource())
  const asked = cache.token(makeRequest({ caller: 'a' }), never)
  cache.podGone('a')
  source.call(0).answer(makeToken(clock))
  await asked
  assert.equal(cache.size, 0)
  assert.equal(clock.timers, 0)
})

test('the end of the last pod ends a renewal that is under way', async () => {
  const { cache, clock, source } = build(() => new ManualSource())
  const asked = cache.token(makeRequest(), never)
  source.call(0).answer(makeToken(clock, { seconds: 3_600 }))
  await asked
  await clock.advance(clock.untilNext() ?? 0)
  assert.equal(source.calls.length, 2)
  cache.podGone('pod-a')
  await clock.advance(0)
  assert.ok(source.call(1).signal.aborted)
  assert.equal(source.open, 0)
})

test('while upstream fails, a token that is still valid is served, and that is counted', async () => {
  const { cache, clock, source, metrics, failures } = answering({ seconds: 3_600 })
  const token = await cache.token(makeRequest(), never)
  source.answer = fails(unavailable())
  await clock.advance(HOUR - 300_000)
  assert.equal(cache.peek(makeRequest()), undefined)
  assert.equal(await cache.token(makeRequest(), never), token)
  assert.equal(metrics.of('cache:stale'), 1)
  assert.equal(failures.length, 1)
  await clock.advance(295_000)
  await assert.rejects(cache.token(makeRequest(), never), /did not answer/)
  cache.stop()
})

test('who can be served with a spare token does not wait long for an upstream that hangs', async () => {
  const { cache, clock, source, metrics } = build(() => new ManualSource())
  const first = cache.token(makeRequest(), never)
  const token = makeToken(clock, { seconds: 200 })
  source.call(0).answer(token)
  await first
  const second = cache.token(makeRequest(), never)
  await clock.advance(3_000)
  assert.equal(await second, token)
  assert.equal(metrics.of('cache:stale'), 1)
  assert.equal(source.open, 0)
  cache.stop()
})

test('a refusal is not covered up by a token that is about to expire', async () => {
  for (const code of ['token-denied', 'identity-unknown-to-imds', 'secret-unusable'] as const) {
    const { cache, source } = answering({ seconds: 300 })
    await cache.token(makeRequest(), never)
    source.answer = fails(new TokenError(code, 'no'))
    await assert.rejects(cache.token(makeRequest(), never), /no/, code)
    cache.stop()
  }
})

test('failed renewals are tried again with growing pauses, and Retry-After is kept', async () => {
  const { cache, clock, source, metrics, failures } = answering({ seconds: 86_400 })
  await cache.token(makeRequest(), never)
  source.answer = fails(unavailable())
  await clock.advance(13 * HOUR)
  const failed = metrics.of('renewal:failed')
  assert.ok(failed >= 12 && failed < 60, String(failed))
  assert.equal(failures.length, 1)
  source.answer = fails(new TokenError('upstream-throttled', 'slow', { retryAfterSeconds: 7_200 }))
  await clock.advance(300_000)
  const before = source.calls
  await clock.advance(1.5 * HOUR)
  assert.equal(source.calls, before)
  cache.stop()
})

test('a renewal that brings the same token again is tried anew before the margin', async () => {
  const { cache, clock, source, metrics } = answering()
  const start = clock.now() / 1000
  source.answer = () => {
    const left = start + 86_400 - Math.floor(clock.now() / 1000)
    return makeToken(clock, { seconds: left, text: 'same' })
  }
  await cache.token(makeRequest(), never)
  for (let n = 0; n < 23; n += 1) {
    await clock.advance(HOUR)
    assert.ok(cache.peek(makeRequest()) !== undefined, `hour ${n}`)
  }
  assert.ok(metrics.of('renewal:unchanged') >= 3)
  assert.ok(source.calls < 12, String(source.calls))
  cache.stop()
})

test('a token that its caller saw refused is not served again, at most once a minute', async () => {
  const { cache, clock, source } = answering()
  const first = await cache.token(makeRequest(), never)
  const refused = makeRequest({ refusedTokenSha256: sha256(first) })
  assert.equal(cache.peek(makeRequest({ refusedTokenSha256: 'f'.repeat(64) })), first)
  assert.equal(cache.peek(refused), undefined)
  const second = await cache.token(refused, never)
  assert.notEqual(second, first)
  assert.equal(cache.peek(refused), second)

  const again = makeRequest({ refusedTokenSha256: sha256(second) })
  for (let n = 0; n < 10; n += 1) assert.equal(await cache.token(again, never), second)
  assert.equal(source.calls, 2)
  await clock.advance(60_000)
  assert.notEqual(await cache.token(again, never), second)
  cache.stop()
})

test('two callers with the same refused token share one request', async () => {
  const { cache, clock, source } = build(() => new ManualSource())
  const asked = cache.token(makeRequest(), never)
  const first = makeToken(clock)
  source.call(0).answer(first)
  await asked
  const refused = (caller: string) =>
    cache.token(makeRequest({ caller, refusedTokenSha256: sha256(first) }), never)
  const both = [refused('a'), refused('b')]
  assert.equal(source.calls.length, 2)
  const second = makeToken(clock)
  source.call(1).answer(second)
  assert.deepEqual(await Promise.all(both), [second, second])
  cache.stop()
})

test('a refused token is not served when upstream fails', async () => {
  const { cache, source } = answering()
  const first = await cache.token(makeRequest(), never)
  source.answer = fails(unavailable())
  await assert.rejects(
    cache.token(makeRequest({ refusedTokenSha256: sha256(first) }), never),
    /did not answer/,
  )
  cache.stop()
})

test('a jump of the wall clock neither serves an expired token nor loses one for good', async () => {
  const { cache, clock, source } = answering({ seconds: 3_600 })
  const first = await cache.token(makeRequest(), never)
  clock.jumpWallClock(2 * HOUR)
  assert.equal(cache.peek(makeRequest()), undefined)
  clock.jumpWallClock(-2 * HOUR)
  assert.equal(cache.peek(makeRequest()), first)
  clock.jumpWallClock(-24 * HOUR)
  assert.equal(cache.peek(makeRequest()), first)
  source.answer = fails(unavailable())
  await clock.advance(HOUR)
  assert.equal(cache.peek(makeRequest()), undefined)
  await assert.rejects(cache.token(makeRequest(), never))
  cache.stop()
})

test('many spellings of a resource displace only tokens of their own identity', async () => {
  const { cache } = build((clock) => new AnsweringSource(() => makeToken(clock)), {
    maxEntriesPerPrincipal: 8,
  })
  const other = makeRequest({ identity: 'other' })
  await cache.token(other, never)
  for (let n = 0; n < 100; n += 1) await cache.token(makeRequest({ resource: `https://x/${n}` }), never)
  assert.equal(cache.size, 9)
  assert.ok(cache.peek(other) !== undefined)
  assert.ok(cache.peek(makeRequest({ resource: 'https://x/99' })) !== undefined)
  assert.equal(cache.peek(makeRequest({ resource: 'https://x/0' })), undefined)
  cache.stop()
})

test('a full cache gives up the token that was used longest ago', async () => {
  const { cache, clock } = build((clock) => new AnsweringSource(() => makeToken(clock)), { maxEntries: 3 })
  const request = (n: number) => makeRequest({ identity: `id-${n}` })
  for (let n = 0; n < 3; n += 1) {
    await cache.token(request(n), never)
    await clock.advance(1_000)
  }
  cache.peek(request(0))
  await clock.advance(1_000)
  await cache.token(request(3), never)
  assert.equal(cache.size, 3)
  assert.ok(cache.peek(request(0)) !== undefined)
  assert.equal(cache.peek(request(1)), undefined)
  cache.stop()
})

test('a Secret that changed lets a failed renewal be tried at once', async () => {
  const { cache, clock, source } = answering({ seconds: 86_400 })
  const clientPassword = { namespace: 'default', name: 'sp' }
  const identity = makeIdentity({ type: 1, clientPassword })
  const request = makeRequest({ principal: { kind: 'identity', identity } })
  await cache.token(request, never)
  source.answer = fails(new TokenError('token-denied', 'AADSTS7000222'))
  await clock.advance(12 * HOUR)
  source.answer = () => makeToken(clock)
  const before = source.calls
  cache.secretChanged({ namespace: 'default', name: 'other' })
  await clock.advance(0)
  assert.equal(source.calls, before)
  cache.secretChanged(clientPassword)
  await clock.advance(0)
  assert.equal(source.calls, before + 1)
  cache.stop()
})

test('joined requests are counted apart', async () => {
  const { cache, clock, source, metrics } = build(() => new ManualSource())
  const both = [cache.token(makeRequest(), never), cache.token(makeRequest({ caller: 'b' }), never)]
  source.call(0).answer(makeToken(clock))
  await Promise.all(both)
  assert.equal(metrics.of('cache:miss'), 1)
  assert.equal(metrics.of('cache:joined'), 1)
  cache.stop()
})

test('a stopped cache keeps nothing and renews nothing', async () => {
  const { cache, clock, source } = build(() => new ManualSource())
  const asked = cache.token(makeRequest(), never)
  cache.stop()
  source.call(0).answer(makeToken(clock))
  await asked
  assert.equal(cache.size, 0)
  assert.equal(clock.timers, 0)
})

test('after the longest age that is set the next request goes upstream', async () => {
  const { cache, clock, source } = build((clock) => new AnsweringSource(() => makeToken(clock)), {
    maxAgeMs: HOUR,
  })
  const token = await cache.token(makeRequest(), never)
  source.answer = fails(unavailable())
  await clock.advance(HOUR - 1)
  assert.equal(cache.peek(makeRequest()), token)
  await clock.advance(1)
  assert.equal(cache.peek(makeRequest()), undefined)
  cache.stop()
  assert.equal(clock.timers, 0)
})

test('an identity object from before its tokens left finds the ones that came later', async () => {
  const { cache } = answering()
  const identity = makeIdentity({ name: 'again' })
  const request = (caller: string, object: typeof identity) =>
    makeRequest({ caller, principal: { kind: 'identity', identity: object } })
  await cache.token(request('a', identity), never)
  cache.podGone('a')
  const token = await cache.token(request('b', { ...identity, resourceVersion: '2' }), never)
  assert.equal(cache.peek(request('b', identity)), token)
  assert.equal(cache.size, 1)
  cache.stop()
})
