import type { Clock } from '../base/clock.ts'
import type { TokenMetrics, TokenOperation, UpstreamOutcome } from '../telemetry/token-metrics.ts'
import { upstreamOf } from './sources.ts'
import {
  type Principal,
  TokenError,
  type TokenErrorCode,
  type TokenRequest,
  type TokenSource,
} from './token-source.ts'

/** Those about Secrets are none of an exchange. */
const OUTCOMES: Readonly<Partial<Record<TokenErrorCode, UpstreamOutcome>>> = {
  'token-denied': 'denied',
  'identity-unknown-to-imds': 'identity_unknown',
  'upstream-throttled': 'throttled',
  'upstream-unavailable': 'unavailable',
}

/** Counts and times every exchange with upstream. */
export function measured<R extends TokenRequest>(
  inner: TokenSource<R>,
  metrics: TokenMetrics,
  clock: Clock,
): TokenSource<R> {
  return {
    async token(request, signal) {
      const startedAt = clock.monotonic()
      const report = (outcome: UpstreamOutcome): void =>
        metrics.upstreamRequest({
          upstream: upstreamOf(request.principal),
          operation: operationOf(request.principal),
          outcome,
          seconds: (clock.monotonic() - startedAt) / 1000,
        })
      try {
        const token = await inner.token(request, signal)
        report('ok')
        return token
      } catch (thrown) {
        report(outcomeOf(thrown, signal))
        throw thrown
      }
    },
  }
}

function outcomeOf(thrown: unknown, signal: AbortSignal): UpstreamOutcome {
  const told = thrown instanceof TokenError ? OUTCOMES[thrown.code] : undefined
  return told ?? (signal.aborted ? 'abandoned' : 'unavailable')
}

function operationOf(principal: Principal): TokenOperation {
  if (upstreamOf(principal) === 'entra') return 'adal_token'
  if (principal.kind === 'identity') return 'adal_token_msi_userassignedid'
  const named = principal.clientId ?? principal.resourceId ?? principal.objectId
  return named === undefined ? 'adal_token_msi' : 'adal_token_msi_userassignedid'
}
