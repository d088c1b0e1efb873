import { type Backoff, createBackoff } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { MountFailure } from '../mount-failure.ts'
import { createRecentMap } from '../recent-map.ts'

/** Failures that are told again for a while, without asking. */
export interface FailureHolds {
  /** The failure that holds now, if one does. */
  get(key: string): MountFailure | undefined
  /** @param retryAfterSeconds what upstream asks for; a longer pause than the usual one counts */
  failed(key: string, failure: MountFailure, retryAfterSeconds: number): void
  succeeded(key: string): void
}

interface Hold {
  readonly backoff: Backoff
  readonly failure: MountFailure
  /** Monotonic. */
  readonly until: number
}

/** Each at least half of it: 5 s after the first failure, up to 30 s. What is mended works after that at the latest. */
const PAUSES = { firstMs: 10_000, maxMs: 30_000 }

/** So that the pods of a node with a broken federation ask Entra a few times a minute, and not at each try of kubelet. */
export function createFailureHolds(clock: Clock, maxEntries: number): FailureHolds {
  const holds = createRecentMap<Hold>(maxEntries)
  return {
    get(key) {
      const hold = holds.get(key)
      return hold !== undefined && clock.monotonic() < hold.until ? hold.failure : undefined
    },
    failed(key, failure, retryAfterSeconds) {
      const now = clock.monotonic()
      const before = holds.get(key)
      const backoff = before?.backoff ?? createBackoff(clock, PAUSES)
      // Failures that come together are one.
      const running = before !== undefined && now < before.until
      const until = Math.max(running ? before.until : now + backoff.next(), now + retryAfterSeconds * 1_000)
      holds.set(key, { backoff, failure, until })
    },
    succeeded: (key) => holds.delete(key),
  }
}
