import type { Clock } from '../../../src/base/clock.ts'

/** The same clock with randomness that a seed repeats (mulberry32): probabilities and latencies of faults. */
export function seededClock(clock: Clock, seed: number): Clock {
  let state = seed | 0
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms, fire) => clock.after(ms, fire),
    random() {
      state = (state + 0x6d2b79f5) | 0
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
    },
  }
}
