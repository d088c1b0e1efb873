import { UpstreamError, type UpstreamErrorKind } from '../azure/upstream-error.ts'
import { TokenError, type TokenErrorCode } from './token-source.ts'

const CODES = {
  'identity-unknown': 'identity-unknown-to-imds',
  denied: 'token-denied',
  throttled: 'upstream-throttled',
  unavailable: 'upstream-unavailable',
} as const satisfies Record<UpstreamErrorKind, TokenErrorCode>

/** What a wire client threw, in the words of the token room; anything else as it is. */
export function asTokenError(thrown: unknown): unknown {
  if (!(thrown instanceof UpstreamError)) return thrown
  const { status, retryAfterSeconds } = thrown
  return new TokenError(CODES[thrown.kind], thrown.message, { status, retryAfterSeconds, cause: thrown })
}

/** True for causes that a later try may not meet: another try, or a token that is still valid, may serve. */
export function isUpstreamFailure(thrown: unknown): thrown is TokenError {
  return (
    thrown instanceof TokenError &&
    (thrown.code === 'upstream-throttled' || thrown.code === 'upstream-unavailable')
  )
}

/** True for refusals that the same request would meet again. */
export function isPermanent(thrown: unknown): thrown is TokenError {
  return thrown instanceof TokenError && (thrown.code === 'token-denied' || thrown.code === 'secret-unusable')
}
