import type { Clock } from '../../../src/base/clock.ts'

const WINDOW_MS = 1_000
const IDENTITY_PER_SECOND = 20
const IDENTITY_AT_ONCE = 5
const OTHER_PER_SECOND = 5

/** Limits of one VM's IMDS: per second and category, and requests at once for identity. */
export interface ImdsLimits {
  /** Whether one more request of this category may come; counts it when it may. */
  admit(category: string): boolean
  /** The work of an admitted request, counted while it runs. */
  during<T>(category: string, work: () => Promise<T>): Promise<T | 'too-many'>
}

export function createImdsLimits(clock: Clock): ImdsLimits {
  const seen = new Map<string, number[]>()
  let running = 0
  return {
    admit(category) {
      const now = clock.monotonic()
      const recent = (seen.get(category) ?? []).filter((at) => now - at < WINDOW_MS)
      const limit = category === 'identity' ? IDENTITY_PER_SECOND : OTHER_PER_SECOND
      const admitted = recent.length < limit
      if (admitted) recent.push(now)
      seen.set(category, recent)
      return admitted
    },
    async during(category, work) {
      if (category !== 'identity') return work()
      if (running >= IDENTITY_AT_ONCE) return 'too-many'
      running += 1
      try {
        return await work()
      } finally {
        running -= 1
      }
    },
  }
}
