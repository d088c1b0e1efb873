import type { Clock } from '../base/clock.ts'
import type { AccessToken } from './token-source.ts'

/** How long a token lives, told in a way that survives jumps of the wall clock. */
export interface TokenAge {
  /** Milliseconds of life that were left when it came. */
  readonly lifetimeMs: number
  readonly obtainedWall: number
  readonly obtainedMonotonic: number
}

/**
 * The life that upstream named (`expires_in`) does not depend on this node's clock; the wall clock
 * shortens it, but a clock that already calls a new token expired is not believed.
 */
export function tokenAge(token: AccessToken, clock: Clock): TokenAge {
  const byClock = token.expiresOn * 1000 - clock.now()
  const named = token.lifetimeSeconds === undefined ? undefined : token.lifetimeSeconds * 1000
  const lifetimeMs = named === undefined || byClock <= 0 ? (named ?? byClock) : Math.min(named, byClock)
  return { lifetimeMs, obtainedWall: clock.now(), obtainedMonotonic: clock.monotonic() }
}

/**
 * Milliseconds of life left. The larger of both elapsed times counts: the monotonic clock misses a
 * suspended machine, the wall clock may be set back.
 */
export function remainingMs(age: TokenAge, clock: Clock): number {
  const elapsed = clock.monotonic() - age.obtainedMonotonic
  const byClock = clock.now() - age.obtainedWall
  return age.lifetimeMs - (byClock > elapsed ? byClock : elapsed)
}

/** Below this a renewal ahead of time is not worth it; the token is fetched when somebody asks. */
const SHORTEST_USE_MS = 60_000

/**
 * Monotonic time at which to renew: at half of the life, or earlier when upstream advises it or when the
 * margin comes first; up to a fifth earlier by chance, so that a node's tokens are not renewed together.
 * Infinity for tokens that are too short-lived.
 */
export function renewAt(token: AccessToken, age: TokenAge, marginMs: number, clock: Clock): number {
  const usable = age.lifetimeMs - marginMs
  if (usable < SHORTEST_USE_MS) return Number.POSITIVE_INFINITY
  const advised =
    token.refreshOn === undefined ? usable : Math.max(0, token.refreshOn * 1000 - age.obtainedWall)
  const latest = Math.min(age.lifetimeMs / 2, usable * 0.75, Math.max(advised, SHORTEST_USE_MS / 2))
  return age.obtainedMonotonic + latest * (1 - 0.2 * clock.random())
}
