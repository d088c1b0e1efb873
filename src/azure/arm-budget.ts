import type { Clock } from '../base/clock.ts'
import { ArmError, BUDGET_SPENT } from './arm.ts'

const HOUR_MS = 3_600_000

/** The calls to ARM that podid allows itself, and the pauses that ARM asks for. */
export interface ArmBudget {
  /** Takes one call. @throws ArmError `throttled` with the time after which there is one again. */
  take(): void
  /** Counts a call that must go out whatever is left: a look at an operation that runs already. */
  spend(): void
  /** ARM said when it will listen again, milliseconds from now: no call goes out before. */
  pause(ms: number): void
  readonly remaining: number
}

/** A bucket of `callsPerHour` that fills evenly; it starts full. */
export function createArmBudget(clock: Clock, callsPerHour: number): ArmBudget {
  let level = callsPerHour
  let filledAt = clock.monotonic()
  let pausedUntil = Number.NEGATIVE_INFINITY

  function fill(): void {
    const now = clock.monotonic()
    level = Math.min(callsPerHour, level + ((now - filledAt) * callsPerHour) / HOUR_MS)
    filledAt = now
  }

  return {
    take() {
      const pausedMs = pausedUntil - clock.monotonic()
      if (pausedMs > 0) {
        throw new ArmError('throttled', 'ARM asked for a pause', { status: 429, retryAfterMs: pausedMs })
      }
      fill()
      if (level < 1) {
        const retryAfterMs = ((1 - level) * HOUR_MS) / callsPerHour
        throw new ArmError('throttled', `the budget of ${callsPerHour} ARM calls an hour is used up`, {
          code: BUDGET_SPENT,
          retryAfterMs,
        })
      }
      level -= 1
    },
    spend() {
      fill()
      level = Math.max(0, level - 1)
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, clock.monotonic() + ms)
    },
    get remaining() {
      fill()
      return Math.floor(level)
    },
  }
}
