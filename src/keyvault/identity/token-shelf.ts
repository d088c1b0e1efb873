import type { IssuedToken } from '../../azure/token-answer.ts'
import type { Clock } from '../../base/clock.ts'
import { remainingMs, type TokenAge, tokenAge } from '../../tokens/token-age.ts'
import { createRecentMap } from '../recent-map.ts'
import type { VaultToken } from './vault-login.ts'

/** Tokens that logins have brought. */
export interface TokenShelf {
  /** The token, if enough of its life is left to begin a mount with. */
  fresh(key: string): VaultToken | undefined
  /** The token while it lives at all: for when no other one can be had. */
  living(key: string): VaultToken | undefined
  put(key: string, token: VaultToken, issued: IssuedToken): void
  /** Forgets the token of the key, if it is this one. */
  drop(key: string, token: VaultToken): void
}

interface Kept {
  readonly token: VaultToken
  readonly age: TokenAge
}

/** Life that a fresh token has left, milliseconds; half of the whole life of one that lives shorter than twice that. */
const MARGIN_MS = 300_000

/** A mount that is under way still needs it. */
const LAST_MOMENT_MS = 60_000

export function createTokenShelf(clock: Clock, maxEntries: number): TokenShelf {
  const kept = createRecentMap<Kept>(maxEntries)

  function withLife(key: string, enough: (age: TokenAge) => number): VaultToken | undefined {
    const found = kept.get(key)
    return found !== undefined && remainingMs(found.age, clock) > enough(found.age) ? found.token : undefined
  }

  return {
    fresh: (key) => withLife(key, ({ lifetimeMs }) => Math.min(MARGIN_MS, lifetimeMs / 2)),
    living: (key) => withLife(key, () => LAST_MOMENT_MS),
    put: (key, token, issued) => kept.set(key, { token, age: tokenAge(issued, clock) }),
    drop(key, token) {
      if (kept.get(key)?.token.value.reveal() === token.value.reveal()) kept.delete(key)
    },
  }
}
