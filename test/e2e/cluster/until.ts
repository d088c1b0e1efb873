import { type Clock, systemClock } from '../../../src/base/clock.ts'

const LOOK_EVERY_MS = 100

export interface UntilOptions {
  readonly deadlineMs: number
  readonly clock?: Clock
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
  { deadlineMs, clock = systemClock, last }: UntilOptions,
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
    await pause(clock)
  }
}

function pause(clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  clock.after(LOOK_EVERY_MS, resolve)
  return promise
}
