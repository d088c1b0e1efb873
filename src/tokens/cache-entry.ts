import { createHash } from 'node:crypto'
import type { Backoff } from '../base/backoff.ts'
import type { Timer } from '../base/clock.ts'
import type { TokenAge } from './token-age.ts'
import type { AccessToken, TokenRequest } from './token-source.ts'

/** One token in the cache and what is known about its use. */
export interface CacheEntry {
  /** What is asked again at a renewal; `caller` is the pod that asked first. */
  readonly request: TokenRequest
  token: AccessToken
  age: TokenAge
  /** Monotonic time from which on a renewal is due. */
  renewAt: number
  /** Served since the token came: nobody renews what nobody uses. */
  used: boolean
  /** Monotonic time of the last use. */
  usedAt: number
  /** The last user: saves the hot path a look-up. */
  lastCaller: string
  /** UIDs of the live pods that used it. */
  readonly users: Set<string>
  /** Present while a renewal runs. */
  renewal: AbortController | undefined
  /** Growing pauses between failed renewals. */
  readonly backoff: Backoff
  failures: number
  timer: Timer | undefined
  /** SHA-256 of the token, made when first needed. */
  sha256: string | undefined
  /** Monotonic time when a caller last said that this token was refused. */
  refusedAt: number
  /** False once it has left the cache. */
  alive: boolean
}

/** Lower-case hex SHA-256 of the token's text, as SDKs send it for a refused token. */
export function sha256Of(entry: CacheEntry): string {
  entry.sha256 ??= createHash('sha256').update(entry.token.value.reveal()).digest('hex')
  return entry.sha256
}
