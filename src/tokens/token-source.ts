import type { SecretString } from '../base/secret.ts'
import type { AzureIdentity } from '../model/resources.ts'

/**
 * Which credential a token is for. `identity` was authorised for the caller before; `node` is the
 * node's own identity, for excepted pods only.
 */
export type Principal =
  | { readonly kind: 'identity'; readonly identity: AzureIdentity }
  | {
      readonly kind: 'node'
      readonly clientId?: string
      readonly resourceId?: string
      readonly objectId?: string
    }

export interface TokenRequest {
  readonly principal: Principal
  /** UID of the pod that asks: fair shares of the upstream limits go by it. Never part of a cache key. */
  readonly caller: string
  /** The resource byte for byte as the caller sent it (after URL decoding): SDK caches key on it. */
  readonly resource: string
  /** Tenant for auxiliary tenants of a service principal; absent: the identity's own. */
  readonly tenantId?: string
  /** Lower-case hex SHA-256 of a token that the caller saw refused: that one is not served again. */
  readonly refusedTokenSha256?: string
}

export interface AccessToken {
  readonly value: SecretString
  /** Seconds since the epoch. */
  readonly expiresOn: number
  /** Seconds since the epoch. */
  readonly notBefore: number
  /** Seconds since the epoch when upstream advises a renewal, if it said so. */
  readonly refreshOn?: number
  readonly tokenType: string
  /** Client id that the token is for, as far as known, else empty. */
  readonly clientId: string
  /** Seconds of life that were left when the answer came, as upstream named them. */
  readonly lifetimeSeconds?: number
}

/** One way to get a token. Sources and decorators alike, each ignorant of the others. */
export interface TokenSource<Request extends TokenRequest = TokenRequest> {
  /** @throws TokenError when upstream refuses or fails; the signal's reason when it aborts. */
  token(request: Request, signal: AbortSignal): Promise<AccessToken>
}

/** Codes of `model/refusal.ts` that a token source may end with. */
export type TokenErrorCode =
  | 'token-denied'
  | 'secret-unusable'
  | 'secret-forbidden'
  | 'identity-unknown-to-imds'
  | 'upstream-throttled'
  | 'upstream-unavailable'

/** Why there is no token. The message is stable and safe to show: no token, secret, assertion or trace id. */
export class TokenError extends Error {
  override readonly name = 'TokenError'
  readonly code: TokenErrorCode
  /** HTTP status of upstream, 0 when there was no answer. */
  readonly status: number
  readonly retryAfterSeconds?: number
  /** True when the asking pod used up its own share: others who want the same token are not concerned. */
  readonly ownShare: boolean

  constructor(
    code: TokenErrorCode,
    message: string,
    details: {
      status?: number
      retryAfterSeconds?: number | undefined
      ownShare?: boolean
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.status = details.status ?? 0
    this.ownShare = details.ownShare ?? false
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/** What NMI asks: the whole chain of cache, single flight, limits and sources behind one object. */
export interface TokenBroker extends TokenSource {
  /** A cached token that may be served now, synchronously: the hot path. Counts as use by the caller's pod. */
  peek(request: TokenRequest): AccessToken | undefined
  /** The pod has ended: what only it used leaves the cache and is not renewed any more. */
  podGone(podUid: string): void
  /** Object id of a client id, lower-case, learnt from issued tokens; undefined while unknown. */
  objectIdOf(clientId: string): string | undefined
}
