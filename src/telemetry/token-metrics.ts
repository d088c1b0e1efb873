import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from './registry.ts'

/** `operation_type` of the old metrics: the node's own identity, a user-assigned one, a service principal. */
export type TokenOperation = 'adal_token_msi' | 'adal_token_msi_userassignedid' | 'adal_token'

type TokenUpstream = 'imds' | 'entra'

export type UpstreamOutcome = 'ok' | 'denied' | 'identity_unknown' | 'throttled' | 'unavailable' | 'abandoned'

type CacheResult = 'hit' | 'miss' | 'joined' | 'stale'

type RenewalOutcome = 'renewed' | 'unchanged' | 'failed'

export type LimiterRefusal = 'caller' | 'total' | 'time'

export interface TokenMetrics {
  /** One token request answered, or tried, through the cache. */
  cacheRequest(result: CacheResult): void
  /** One exchange with IMDS or Entra; a retry is another one. */
  upstreamRequest(exchange: {
    readonly upstream: TokenUpstream
    readonly operation: TokenOperation
    readonly outcome: UpstreamOutcome
    readonly seconds: number
  }): void
  /** An exchange is tried again. */
  upstreamRetried(upstream: TokenUpstream): void
  /** A token was renewed ahead of its expiry. */
  renewal(outcome: RenewalOutcome): void
  /** A request was turned away by the limiter. */
  limiterRefused(upstream: TokenUpstream, reason: LimiterRefusal): void
  /** Read at each scrape: tokens in the cache. */
  watchCache(entries: () => number): void
  /** Read at each scrape: requests that wait for their turn. */
  watchLimiter(upstream: TokenUpstream, queued: () => number): void
}

/** The names of AAD Pod Identity 1.8 carry this prefix. */
const OLD_PREFIX = 'aadpodidentity_'

/** Buckets of AAD Pod Identity 1.8, seconds. */
const IMDS_BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3, 4, 5, 10]

export function createTokenMetrics(registry: Registry): TokenMetrics {
  const registers = [registry]
  const duration = new Histogram({
    name: `${OLD_PREFIX}imds_operations_duration_seconds`,
    help: 'Duration of token requests to IMDS and Entra.',
    labelNames: ['operation_type'],
    buckets: IMDS_BUCKETS,
    registers,
  })
  const errors = new Counter({
    name: `${OLD_PREFIX}imds_operations_errors_count`,
    help: 'Token requests to IMDS and Entra that failed.',
    labelNames: ['operation_type'],
    registers,
  })
  const upstreamRequests = new Counter({
    name: 'podid_upstream_requests_total',
    help: 'Exchanges with IMDS and Entra, by outcome.',
    labelNames: ['upstream', 'outcome'],
    registers,
  })
  const retries = new Counter({
    name: 'podid_upstream_retries_total',
    help: 'Exchanges with IMDS and Entra that were tried again after a passing failure.',
    labelNames: ['upstream'],
    registers,
  })
  const refused = new Counter({
    name: 'podid_limiter_refused_total',
    help: 'Requests turned away: the pod had too many waiting, the node had, or the wait was too long.',
    labelNames: ['upstream', 'reason'],
    registers,
  })
  return {
    upstreamRequest({ upstream, operation, outcome, seconds }) {
      upstreamRequests.inc({ upstream, outcome })
      duration.observe({ operation_type: operation }, seconds)
      if (outcome !== 'ok' && outcome !== 'abandoned') errors.inc({ operation_type: operation })
    },
    upstreamRetried: (upstream) => retries.inc({ upstream }),
    limiterRefused: (upstream, reason) => refused.inc({ upstream, reason }),
    ...cacheMetrics(registers),
    watchLimiter: limiterGauge(registers),
  }
}

function cacheMetrics(registers: Registry[]): Pick<TokenMetrics, 'cacheRequest' | 'renewal' | 'watchCache'> {
  const requests = new Counter({
    name: 'podid_token_cache_requests_total',
    help: 'Token requests by how they were served: hit, miss (went upstream), joined (another request was under way), stale (upstream failed, a token still valid was served).',
    labelNames: ['result'],
    registers,
  })
  const renewals = new Counter({
    name: 'podid_token_renewals_total',
    help: 'Renewals of tokens ahead of their expiry: renewed, unchanged (the same token came back), failed.',
    labelNames: ['outcome'],
    registers,
  })
  for (const result of ['hit', 'miss', 'joined', 'stale'] as const) requests.inc({ result }, 0)
  // Made once: a hit is the hot path, and finding a child by its labels costs more than the count.
  const counts: Record<CacheResult, { inc(): void }> = {
    hit: requests.labels('hit'),
    miss: requests.labels('miss'),
    joined: requests.labels('joined'),
    stale: requests.labels('stale'),
  }
  return {
    cacheRequest: (result) => counts[result].inc(),
    renewal: (outcome) => renewals.inc({ outcome }),
    watchCache(entries) {
      new Gauge({
        name: 'podid_token_cache_entries',
        help: 'Tokens in the cache.',
        registers,
        collect() {
          this.set(entries())
        },
      })
    },
  }
}

function limiterGauge(registers: Registry[]): TokenMetrics['watchLimiter'] {
  const watched = new Map<TokenUpstream, () => number>()
  new Gauge({
    name: 'podid_limiter_queue',
    help: 'Requests that wait for their turn at IMDS or Entra.',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const [upstream, queued] of watched) this.set({ upstream }, queued())
    },
  })
  return (upstream, queued) => void watched.set(upstream, queued)
}
