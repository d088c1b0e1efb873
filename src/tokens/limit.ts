import type { LimiterRefusal } from '../telemetry/token-metrics.ts'
import { type FairLimiter, LimiterError } from './fair-limiter.ts'
import { TokenError, type TokenRequest, type TokenSource } from './token-source.ts'

export interface LimitOptions {
  readonly limiter: FairLimiter
  /**
   * Whether a throttled answer stops everybody for its `Retry-After`: true for IMDS, whose limit is the
   * node's; false for Entra, whose limits belong to an application or a tenant.
   */
  readonly pausesAll: boolean
  readonly refused: (reason: LimiterRefusal) => void
}

/** Pause after a throttled answer without `Retry-After`; IMDS sends none. Seconds. */
const DEFAULT_PAUSE = 1
const LONGEST_PAUSE = 30

/** Seconds that a pod without a turn is asked to wait. */
const TURN_RETRY_AFTER = 2

/** Asks upstream only when the limiter gives the caller a turn. */
export function limited<R extends TokenRequest>(
  inner: TokenSource<R>,
  options: LimitOptions,
): TokenSource<R> {
  const { limiter, pausesAll, refused } = options
  return {
    async token(request, signal) {
      try {
        return await limiter.run(request.caller, signal, async () => {
          try {
            return await inner.token(request, signal)
          } catch (thrown) {
            if (pausesAll) pauseAfter(limiter, thrown)
            throw thrown
          }
        })
      } catch (thrown) {
        if (!(thrown instanceof LimiterError)) throw thrown
        refused(thrown.reason)
        throw turnedAway(thrown)
      }
    },
  }
}

function pauseAfter(limiter: FairLimiter, thrown: unknown): void {
  if (!(thrown instanceof TokenError) || thrown.code !== 'upstream-throttled') return
  limiter.pause(Math.min(LONGEST_PAUSE, thrown.retryAfterSeconds ?? DEFAULT_PAUSE) * 1000)
}

function turnedAway(error: LimiterError): TokenError {
  const texts: Record<LimiterRefusal, string> = {
    caller: 'this pod has too many token requests waiting',
    total: 'too many token requests are waiting on this node',
    time: 'no turn for this token request came in time',
  }
  return new TokenError('upstream-throttled', texts[error.reason], {
    retryAfterSeconds: TURN_RETRY_AFTER,
    // A turn that did not come in time may have been behind the pod's own requests; a full node is everybody's.
    ownShare: error.reason !== 'total',
    cause: error,
  })
}
