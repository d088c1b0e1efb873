import type { Clock } from './clock.ts'
import { sleep } from './deadline.ts'

export interface PaceOptions {
  readonly clock: Clock
  /** In the long run. */
  readonly perSecond: number
  /** At once after a quiet time. */
  readonly burst: number
}

/** Waits for the next free place in a steady stream that may run ahead by a burst. @throws the signal's reason. */
export function createPace({ clock, perSecond, burst }: PaceOptions): (signal: AbortSignal) => Promise<void> {
  const spacing = 1000 / perSecond
  let next = Number.NEGATIVE_INFINITY
  return async (signal) => {
    signal.throwIfAborted()
    const now = clock.monotonic()
    next = Math.max(next, now - burst * spacing) + spacing
    if (next > now) await sleep(clock, next - now, signal)
  }
}
