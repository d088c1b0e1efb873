import { createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { sleep } from '../base/deadline.ts'
import type { TokenRequest, TokenSource } from './token-source.ts'
import { isUpstreamFailure } from './upstream-failure.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** First pause, milliseconds; IMDS asks for one second at least after a 5xx. */
  readonly firstMs: number
  readonly maxMs: number
  /** All tries and pauses together, milliseconds; then the caller is told to retry himself. */
  readonly holdMs: number
  readonly retried: () => void
}

/**
 * Tries again after throttling, faults and missing answers (IMDS: 404, 410, 429, 5xx; Entra: 429, 5xx,
 * errors that Entra calls transient), with growing pauses and never before `Retry-After`. A `Retry-After`
 * beyond the hold ends it at once, so that the caller hears of it.
 */
export function retried<R extends TokenRequest>(
  inner: TokenSource<R>,
  options: RetryOptions,
): TokenSource<R> {
  const { clock, holdMs } = options
  return {
    async token(request, signal) {
      const startedAt = clock.monotonic()
      const backoff = createBackoff(clock, options)
      for (;;) {
        try {
          return await inner.token(request, signal)
        } catch (thrown) {
          if (signal.aborted || !isUpstreamFailure(thrown) || thrown.ownShare) throw thrown
          const pause = Math.max(backoff.next(), (thrown.retryAfterSeconds ?? 0) * 1000)
          if (clock.monotonic() - startedAt + pause > holdMs) throw thrown
          options.retried()
          await sleep(clock, pause, signal)
        }
      }
    },
  }
}
