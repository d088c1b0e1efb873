/** What an error answer of IMDS or Entra means, decided by status first. */
export type UpstreamErrorKind =
  /** IMDS does not know the identity: right after an assignment it will soon. */
  | 'identity-unknown'
  /** A refusal that the same request meets again. */
  | 'denied'
  | 'throttled'
  /** No answer, a fault, or something that is no token. */
  | 'unavailable'

/** Why IMDS or Entra gave no token. The message is stable (no time, trace id) and holds no secret. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly kind: UpstreamErrorKind
  /** HTTP status, 0 when there was no answer. */
  readonly status: number
  readonly retryAfterSeconds?: number
  /** The AADSTS number of Entra's answer, if it named one. */
  readonly aadsts?: number

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    details: {
      status?: number
      retryAfterSeconds?: number | undefined
      aadsts?: number | undefined
      cause?: unknown
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.kind = kind
    this.status = details.status ?? 0
    if (details.retryAfterSeconds !== undefined) this.retryAfterSeconds = details.retryAfterSeconds
    if (details.aadsts !== undefined) this.aadsts = details.aadsts
  }
}
