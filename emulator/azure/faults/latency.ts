import type { Clock } from '../../../src/base/clock.ts'

/** Milliseconds, drawn anew for each request. */
export type Latency =
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'exponential'; readonly meanMs: number; readonly maxMs: number }
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number; readonly maxMs: number }

/** One draw from a distribution, with the clock's (seedable) randomness. */
export function drawLatency(latency: Latency, clock: Clock): number {
  switch (latency.kind) {
    case 'fixed':
      return latency.ms
    case 'uniform':
      return latency.fromMs + (latency.toMs - latency.fromMs) * clock.random()
    case 'exponential':
      return Math.min(latency.maxMs, -latency.meanMs * Math.log(1 - clock.random()))
    case 'lognormal':
      break
  }
  return Math.min(latency.maxMs, latency.medianMs * Math.exp(latency.sigma * normal(clock)))
}

/** Standard normal by the Box-Muller transform. */
function normal(clock: Clock): number {
  const radius = Math.sqrt(-2 * Math.log(1 - clock.random()))
  return radius * Math.cos(2 * Math.PI * clock.random())
}
