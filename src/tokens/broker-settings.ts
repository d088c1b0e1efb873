import type { LimiterOptions } from './fair-limiter.ts'

type Limits = Omit<LimiterOptions, 'clock'>

/** Figures of the token engine. Times in milliseconds. */
export interface BrokerSettings {
  /** Life that a served token has left at least. */
  readonly marginMs: number
  /** Longest time that a token is served, whatever its expiry. */
  readonly maxAgeMs: number
  readonly maxEntries: number
  readonly maxEntriesPerPrincipal: number
  /** A refused token makes the cache ask upstream once in this time. */
  readonly refusalMs: number
  /** Longest time for one token with all its tries. */
  readonly flightMs: number
  /** How long passing failures are tried again before the caller hears of them. */
  readonly holdMs: number
  /** How long a permanent refusal is repeated without asking again. */
  readonly holdOffMs: number
  readonly imds: Limits
  readonly entra: Limits
}

export const BROKER_DEFAULTS: BrokerSettings = {
  // SDKs take a token with 300 s or less for expired; the rest is the way to the pod and its clock.
  marginMs: 310_000,
  maxAgeMs: Number.POSITIVE_INFINITY,
  maxEntries: 2_000,
  maxEntriesPerPrincipal: 64,
  refusalMs: 60_000,
  // Go's SDK gives up a try after one minute.
  flightMs: 45_000,
  holdMs: 15_000,
  holdOffMs: 10_000,
  // IMDS allows 20 a second and 5 at once for identity, host processes included.
  imds: {
    perSecond: 18,
    concurrent: 5,
    concurrentPerCaller: 3,
    queuedPerCaller: 32,
    queued: 1_024,
    queueMs: 20_000,
  },
  entra: {
    perSecond: 20,
    concurrent: 8,
    concurrentPerCaller: 4,
    queuedPerCaller: 32,
    queued: 1_024,
    queueMs: 20_000,
  },
}
