/** A running timer; `cancel` may be called any number of times, also after it fired. */
export interface Timer {
  cancel(): void
}

/**
 * The one door to time, timers and randomness. Everything that waits or measures takes a Clock, so a
 * test owns time and no test sleeps.
 */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. It may jump. */
  now(): number
  /** Milliseconds from an arbitrary start that never go back: for durations and deadlines. */
  monotonic(): number
  /** Calls `fire` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, fire: () => void): Timer
  /** Uniform in [0, 1). For jitter only, never for secrets. */
  random(): number
}

/** Node holds a timer's delay in a signed 32-bit integer; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fire) {
    const handle = setTimeout(fire, Math.min(Math.max(0, ms), LONGEST_TIMER_MS))
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
  random: () => Math.random(),
}
