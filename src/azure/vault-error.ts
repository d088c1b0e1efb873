/** What an error answer of Key Vault means, by status and the codes in its body. */
export type VaultErrorKind =
  /** 401: wrong tenant or audience. */
  | 'unauthorized'
  /** 403: access policy or role. */
  | 'forbidden'
  /** 403 `ForbiddenByFirewall`. */
  | 'firewall'
  /** 404. */
  | 'not-found'
  /** 403 with an inner code that says disabled, expired or not yet valid. */
  | 'disabled'
  | 'throttled'
  /** No answer, a fault, or something that cannot be read. */
  | 'unavailable'
  /** 400 and what else the same request meets again. */
  | 'refused'

/** Why Key Vault gave no object. The message is stable (no time, no trace id) and holds no secret. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly kind: VaultErrorKind
  /** HTTP status, 0 when there was no answer. */
  readonly status: number
  /** Key Vault's own code, such as `SecretNotFound`; empty when it said none. */
  readonly vaultCode: string
  readonly retryAfterSeconds?: number

  constructor(
    kind: VaultErrorKind,
    message: string,
    details: {
      status?: number
      vaultCode?: string
      retryAfterSeconds?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.status = details.status ?? 0
    this.vaultCode = details.vaultCode ?? ''
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds
  }
}
