import type { Clock } from '../base/clock.ts'
import { isApiStatus } from './connection.ts'
import type { LeaderLock, LeaderRecord, SeenRecord } from './leader-lock.ts'

/** What became of one try to take or renew a lock. */
export type Attempt =
  /** Ours until `trustedUntil`, monotonic milliseconds: nobody may take it before. */
  { readonly held: true; readonly trustedUntil: number } | { readonly held: false; readonly holder: string }

/** One candidate's view of one lock. */
export interface LockCandidate {
  readonly lock: LeaderLock
  /** Takes or renews the lock if the rules allow it. @throws what the lock throws; a lost race is no error. */
  attempt(signal: AbortSignal): Promise<Attempt>
  /** Gives the lock back if it is still ours. */
  release(signal: AbortSignal): Promise<void>
}

export interface CandidateOptions {
  readonly identity: string
  readonly leaseDurationMs: number
  /** How long one renewal is trusted; less than `leaseDurationMs`. */
  readonly renewDeadlineMs: number
  readonly clock: Clock
}

/**
 * The rules of client-go's leader election. Clocks of two machines are never compared: a candidate
 * counts the time since it itself saw the record change. Trust in an own renewal counts from before
 * its request was sent, so it ends before anybody else's patience does.
 */
export function createLockCandidate(lock: LeaderLock, options: CandidateOptions): LockCandidate {
  const { identity, clock, leaseDurationMs } = options
  const trustMs = Math.min(options.renewDeadlineMs, lock.longestTrustMs ?? Number.POSITIVE_INFINITY)
  /** What we wrote last; dropped as soon as its fate is uncertain. */
  let own: SeenRecord | undefined
  let observed: { text: string; at: number } | undefined

  function observe(record: SeenRecord | undefined): void {
    const text = record?.text ?? ''
    if (observed === undefined || observed.text !== text) observed = { text, at: clock.monotonic() }
  }

  function isFree(record: SeenRecord | undefined): boolean {
    if (record === undefined || record.holder === '' || record.holder === identity) return true
    const patience = record.leaseDurationMs > 0 ? record.leaseDurationMs : leaseDurationMs
    return clock.monotonic() >= (observed?.at ?? Number.POSITIVE_INFINITY) + patience
  }

  function renewed(seen: SeenRecord | undefined): LeaderRecord {
    const now = clock.now()
    const isMine = seen?.holder === identity
    return {
      holder: identity,
      leaseDurationMs,
      acquiredAt: isMine ? seen.acquiredAt : now,
      renewedAt: now,
      transitions: (seen?.transitions ?? 0) + (isMine || seen === undefined ? 0 : 1),
    }
  }

  async function write(seen: SeenRecord | undefined, signal: AbortSignal): Promise<Attempt> {
    const sent = clock.monotonic()
    own = undefined
    own = await lock.write(renewed(seen), seen, signal)
    observe(own)
    return { held: true, trustedUntil: sent + trustMs }
  }

  return {
    lock,
    async attempt(signal) {
      try {
        if (own !== undefined) return await write(own, signal)
      } catch (thrown) {
        if (!isApiStatus(thrown, 404, 409)) throw thrown
      }
      const seen = await lock.read(signal)
      observe(seen)
      if (!isFree(seen)) return { held: false, holder: seen?.holder ?? '' }
      try {
        return await write(seen, signal)
      } catch (thrown) {
        if (!isApiStatus(thrown, 404, 409)) throw thrown
        return { held: false, holder: '(another candidate was faster)' }
      }
    },
    async release(signal) {
      const seen = own
      own = undefined
      if (seen === undefined) return
      const now = clock.now()
      const free = { holder: '', leaseDurationMs: 1000, acquiredAt: now, renewedAt: now }
      try {
        await lock.write({ ...free, transitions: seen.transitions }, seen, signal)
      } catch (thrown) {
        if (!isApiStatus(thrown, 404, 409)) throw thrown
      }
    },
  }
}
