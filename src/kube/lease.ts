import type { Clock, Timer } from '../base/clock.ts'
import { sleep, withDeadline } from '../base/deadline.ts'
import { asError, errorText } from '../base/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { LeaderLock } from './leader-lock.ts'
import { type Attempt, createLockCandidate, type LockCandidate } from './lock-candidate.ts'

export interface LeaderElectionOptions {
  /**
   * All of them must be held to lead, taken in this order. Build them on a Rest with a connection of its
   * own, so that work never delays a renewal.
   */
  readonly locks: readonly LeaderLock[]
  /** Unique among the candidates; the same after a restart of the same pod, which then leads again at once. */
  readonly identity: string
  /** How long others wait after the last renewal they saw. */
  readonly leaseDurationMs: number
  /** Without a renewal for this long leadership ends; less than `leaseDurationMs`: the rest is time to stop working. */
  readonly renewDeadlineMs: number
  /**
   * Pause between two tries of who waits. Who leads counts it from when the last renewal was sent: a slow answer does
   * not put off the next one.
   */
  readonly retryMs: number
  readonly clock: Clock
  readonly log: Log
}

/** Leadership over the Kubernetes API. Losing it ends a term, never the process. */
export interface LeaderElection {
  /**
   * Contends until the signal aborts. Calls `lead` each time leadership is won and waits for its end;
   * its signal aborts when the term ends: by `signal`, or before anybody else may lead. On an orderly
   * end the locks are given back after `lead` has returned.
   * @throws what `lead` throws, except after its signal aborted.
   */
  contend(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>
  /** True while this candidate leads and may still trust its last renewal. */
  leading(): boolean
}

/** The end of a term that was not wanted. */
class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError'
}

/** Giving the locks back may take this long; after that they expire by themselves. */
const RELEASE_MS = 3_000

export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { clock, log, retryMs, renewDeadlineMs } = options
  const candidates = options.locks.map((lock) => createLockCandidate(lock, options))
  let trustedUntil = Number.NEGATIVE_INFINITY
  /** When the last try to take all locks began. */
  let triedAt = Number.NEGATIVE_INFINITY
  let waitingFor = ''

  /** Tries one lock after the other and stops at the first that somebody else holds. */
  async function tryAll(signal: AbortSignal): Promise<Attempt> {
    let until = Number.POSITIVE_INFINITY
    for (const candidate of candidates) {
      const attempt = await attemptIn(candidate, renewDeadlineMs, signal)
      if (!attempt.held) {
        if (waitingFor !== attempt.holder) {
          waitingFor = attempt.holder
          log.info({ lock: candidate.lock.name, holder: attempt.holder }, 'waiting for the leader lock')
        }
        return attempt
      }
      until = Math.min(until, attempt.trustedUntil)
    }
    return { held: true, trustedUntil: until }
  }

  function attemptIn(candidate: LockCandidate, ms: number, signal: AbortSignal): Promise<Attempt> {
    const deadline = { clock, ms, what: `renewing ${candidate.lock.name}`, parent: signal }
    return withDeadline(deadline, (bounded) => candidate.attempt(bounded))
  }

  /** Returns when all locks are held. @throws the signal's reason. */
  async function acquire(signal: AbortSignal): Promise<number> {
    for (;;) {
      triedAt = clock.monotonic()
      try {
        const attempt = await tryAll(signal)
        if (attempt.held && attempt.trustedUntil > clock.monotonic()) return attempt.trustedUntil
      } catch (thrown) {
        signal.throwIfAborted()
        log.warn({ error: errorText(thrown) }, 'cannot reach the leader lock')
      }
      await sleep(clock, retryMs * (1 + 0.2 * clock.random()), signal)
    }
  }

  /** Both at the same time, so that one that hangs takes no time from the other; waits for all of them. */
  async function renewAll(signal: AbortSignal): Promise<number> {
    const tries = await Promise.allSettled(
      candidates.map((each) => attemptIn(each, renewDeadlineMs / 2, signal)),
    )
    const failed = tries.find((each) => each.status === 'rejected')
    const attempts = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const lost = attempts.find((attempt) => !attempt.held)
    if (lost !== undefined) throw new LeadershipLostError(`the leader lock was taken by ${lost.holder}`)
    if (failed !== undefined) throw asError(failed.reason)
    return Math.min(...attempts.map((attempt) => (attempt.held ? attempt.trustedUntil : 0)))
  }

  /** Renews all locks until `signal` aborts. @throws LeadershipLostError when somebody else has one. */
  async function renew(signal: AbortSignal, extended: () => void): Promise<void> {
    let dueAt = triedAt + retryMs
    for (;;) {
      await sleep(clock, Math.max(0, dueAt - clock.monotonic()), signal)
      dueAt = clock.monotonic() + retryMs
      try {
        const until = await renewAll(signal)
        signal.throwIfAborted()
        trustedUntil = until
        extended()
      } catch (thrown) {
        if (signal.aborted || thrown instanceof LeadershipLostError) throw thrown
        log.warn({ error: errorText(thrown) }, 'the leader lock was not renewed')
        dueAt = clock.monotonic() + retryMs / 4
      }
    }
  }

  async function release(): Promise<void> {
    trustedUntil = Number.NEGATIVE_INFINITY
    for (const candidate of candidates.toReversed()) {
      const deadline = { clock, ms: RELEASE_MS, what: `releasing ${candidate.lock.name}` }
      try {
        await withDeadline(deadline, (signal) => candidate.release(signal))
      } catch (thrown) {
        log.info({ lock: candidate.lock.name, error: errorText(thrown) }, 'the leader lock expires by itself')
      }
    }
  }

  /** One term, from the moment that all locks are held until `lead` has returned. */
  async function term(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const leading = new AbortController()
    const renewing = new AbortController()
    const lose = (reason: Error): void => {
      if (leading.signal.aborted) return
      trustedUntil = Number.NEGATIVE_INFINITY
      log.warn({ error: errorText(reason) }, 'leadership is lost')
      leading.abort(reason)
      renewing.abort(reason)
    }
    const onStop = (): void => leading.abort(signal.reason)
    signal.addEventListener('abort', onStop, { once: true })
    let expiry: Timer = { cancel: () => {} }
    const arm = (): void => {
      expiry.cancel()
      expiry = clock.after(trustedUntil - clock.monotonic(), () =>
        lose(new LeadershipLostError(`the leader lock was not renewed for ${renewDeadlineMs} ms`)),
      )
    }
    arm()
    // Renewal goes on while `lead` winds up after a stop: until it has returned, this MIC still acts.
    const renewal = renew(renewing.signal, arm).catch((thrown: unknown) => {
      if (!renewing.signal.aborted) lose(asError(thrown))
    })
    try {
      await lead(leading.signal)
    } catch (thrown) {
      if (!leading.signal.aborted) throw thrown
    } finally {
      renewing.abort(new Error('the term is over'))
      signal.removeEventListener('abort', onStop)
      await renewal
      expiry.cancel()
      await release()
    }
  }

  /** One term after the other. @throws the signal's reason, or what `lead` throws. */
  async function terms(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (;;) {
      trustedUntil = await acquire(signal)
      waitingFor = ''
      log.info({ identity: options.identity }, 'leadership is won')
      await term(lead, signal)
      await sleep(clock, retryMs, signal)
    }
  }

  return {
    async contend(lead, signal) {
      try {
        await terms(lead, signal)
      } catch (thrown) {
        if (!signal.aborted) throw thrown
      } finally {
        await release()
      }
    },
    leading: () => clock.monotonic() < trustedUntil,
  }
}
