import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRegistry } from './registry.ts'
import { createTokenMetrics } from './token-metrics.ts'

test('exchanges are reported under the old names and under podid’s own', async () => {
  const registry = createRegistry()
  const metrics = createTokenMetrics(registry)
  const exchange = { upstream: 'imds', operation: 'adal_token_msi', seconds: 0.015 } as const
  metrics.upstreamRequest({ ...exchange, outcome: 'ok' })
  metrics.upstreamRequest({ ...exchange, outcome: 'throttled' })
  metrics.upstreamRequest({ ...exchange, outcome: 'abandoned' })
  const text = await registry.metrics()
  const old = 'aadpodidentity_imds_operations'
  assert.match(
    text,
    new RegExp(`^${old}_duration_seconds_bucket\\{le="0.02",operation_type="adal_token_msi"\\} 3$`, 'm'),
  )
  assert.match(
    text,
    new RegExp(`^${old}_duration_seconds_bucket\\{le="0.01",operation_type="adal_token_msi"\\} 0$`, 'm'),
  )
  assert.match(text, new RegExp(`^${old}_errors_count\\{operation_type="adal_token_msi"\\} 1$`, 'm'))
  assert.match(text, /^podid_upstream_requests_total\{upstream="imds",outcome="throttled"\} 1$/m)
})

test('the buckets of the old histogram are kept', async () => {
  const registry = createRegistry()
  createTokenMetrics(registry).upstreamRequest({
    upstream: 'entra',
    operation: 'adal_token',
    outcome: 'ok',
    seconds: 1,
  })
  const bounds = [...(await registry.metrics()).matchAll(/_bucket\{le="([^"]+)"/g)].map(([, bound]) => bound)
  assert.equal(bounds.join(' '), '0.01 0.02 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1 2 3 4 5 10 +Inf')
})

test('cache results are there from the start, so that a rate can be formed', async () => {
  const registry = createRegistry()
  const metrics = createTokenMetrics(registry)
  metrics.cacheRequest('hit')
  metrics.cacheRequest('hit')
  metrics.cacheRequest('stale')
  metrics.renewal('unchanged')
  metrics.upstreamRetried('entra')
  metrics.limiterRefused('imds', 'caller')
  const text = await registry.metrics()
  assert.match(text, /^podid_token_cache_requests_total\{result="hit"\} 2$/m)
  assert.match(text, /^podid_token_cache_requests_total\{result="stale"\} 1$/m)
  assert.match(text, /^podid_token_cache_requests_total\{result="joined"\} 0$/m)
  assert.match(text, /^podid_token_renewals_total\{outcome="unchanged"\} 1$/m)
  assert.match(text, /^podid_upstream_retries_total\{upstream="entra"\} 1$/m)
  assert.match(text, /^podid_limiter_refused_total\{upstream="imds",reason="caller"\} 1$/m)
})

test('sizes are read when they are scraped', async () => {
  const registry = createRegistry()
  const metrics = createTokenMetrics(registry)
  let size = 1
  metrics.watchCache(() => size)
  metrics.watchLimiter('imds', () => size * 10)
  metrics.watchLimiter('entra', () => 0)
  size = 7
  const text = await registry.metrics()
  assert.match(text, /^podid_token_cache_entries 7$/m)
  assert.match(text, /^podid_limiter_queue\{upstream="imds"\} 70$/m)
  assert.match(text, /^podid_limiter_queue\{upstream="entra"\} 0$/m)
})
