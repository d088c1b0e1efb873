import { type Clock, systemClock } from '../../../src/base/clock.ts'

const LOOK_EVERY_MS = 100
/** For looks that start a program each. */
export const SELDOM_MS = 500

export interface UntilOptions {
  readonly deadlineMs: number
  readonly clock?: Clock
  /** 100 unless told. */
  readonly everyMs?: number
  /** Said when the time is over: what was last seen. */
  readonly last?: () => string
}

/**
 * Looks again and again until `look` gives something that is neither false nor undefined: for state of other
 * programs that nobody announces. An error of `look` ends it.
 * @throws Error naming `what` when the time is over.
 */
export async function until<T>(
  what: string,
  { deadlineMs, clock = systemClock, everyMs = LOOK_EVERY_MS, last }: UntilOptions,
  look: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<T> {
  const end = clock.monotonic() + deadlineMs
  for (;;) {
    const found = await look()
    if (found !== false && found !== undefined) return found
    if (clock.monotonic() > end) {
      const seen = last === undefined ? '' : `; last seen: ${last()}`
      throw new Error(`not within ${Math.round(deadlineMs / 1000)} s: ${what}${seen}`)
    }
    await pause(clock, everyMs)
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  clock.after(ms, resolve)
  return promise
}
