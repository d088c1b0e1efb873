import type { RequestOptions } from 'node:https'

/**
 * Where the API server is and how to be let in. Made from the pod's service account (NMI: no library
 * loaded) or from a kubeconfig (everything that kubectl understands).
 */
export interface KubeConnection {
  /** Base address without a trailing slash, http or https. */
  readonly server: string
  /**
   * TLS material, keep-alive agent and a fresh Authorization header for one request. Tokens rotate, so
   * it is asked each time.
   */
  requestOptions(): Promise<RequestOptions>
  /** Ends idle connections. */
  close(): void
}

/** An answer of the API server that is not a success. */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError'
  readonly status: number
  /** `reason` of the Status object, such as `NotFound`, `Conflict`, `Expired`; empty if there was none. */
  readonly reason: string
  readonly retryAfterSeconds?: number

  constructor(status: number, reason: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.status = status
    this.reason = reason
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The API server was not reached, or broke off its answer; the cause tells how. */
export class KubeUnreachableError extends Error {
  override readonly name = 'KubeUnreachableError'
}

/** An answer that is no valid JSON, or larger than what may be held. */
export class KubeAnswerError extends Error {
  override readonly name = 'KubeAnswerError'
  /** The answer passed its bound; asking for less may help. */
  readonly tooLarge: boolean

  constructor(message: string, options: { tooLarge?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.tooLarge = options.tooLarge ?? false
  }
}

export function isApiStatus(thrown: unknown, ...statuses: readonly number[]): thrown is KubeApiError {
  return thrown instanceof KubeApiError && statuses.includes(thrown.status)
}

/** A fault that ends without anybody's doing: no answer, a server that is busy or starting, a proxy in between. */
export function isPassingFault(thrown: unknown): boolean {
  if (thrown instanceof KubeApiError) return thrown.status === 429 || thrown.status >= 500
  return thrown instanceof KubeUnreachableError || thrown instanceof KubeAnswerError
}
