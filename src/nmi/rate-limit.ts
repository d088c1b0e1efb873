import type { Clock } from '../base/clock.ts'

/** A token bucket: `take` says whether one more may go now. */
export interface RateLimit {
  take(): boolean
}

export function createRateLimit(clock: Clock, options: { perSecond: number; burst: number }): RateLimit {
  let left = options.burst
  let filledAt = clock.monotonic()
  return {
    take() {
      const now = clock.monotonic()
      left = Math.min(options.burst, left + ((now - filledAt) / 1000) * options.perSecond)
      filledAt = now
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
