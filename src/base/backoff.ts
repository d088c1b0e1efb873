import type { Clock } from './clock.ts'

export interface BackoffOptions {
  /** First delay, milliseconds. */
  readonly firstMs: number
  /** Longest delay, milliseconds. */
  readonly maxMs: number
  /** Growth from one delay to the next; 2 unless told. */
  readonly factor?: number
}

/** Growing delays for one thing that is tried again and again. */
export interface Backoff {
  /** The next delay, milliseconds: between half of the present step and all of it ("equal jitter"). */
  next(): number
  /** After a success: the next delay is the first one again. */
  reset(): void
  readonly attempts: number
}

export function createBackoff(clock: Clock, options: BackoffOptions): Backoff {
  const factor = options.factor ?? 2
  let attempts = 0
  return {
    next() {
      const step = Math.min(options.maxMs, options.firstMs * factor ** attempts)
      attempts += 1
      return step / 2 + (step / 2) * clock.random()
    },
    reset() {
      attempts = 0
    },
    get attempts() {
      return attempts
    },
  }
}
