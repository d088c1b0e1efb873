import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { isTransient, parseErrorBody, stableText } from './error-body.ts'
import { createHttpClient, type HttpAnswer, type HttpClient } from './http-client.ts'
import { type IssuedToken, parseTokenBody } from './token-answer.ts'
import { UpstreamError } from './upstream-error.ts'

/** Picks a user-assigned identity. IMDS takes one at most; none means the node's own identity. */
export interface ImdsSelector {
  readonly name: 'client_id' | 'msi_res_id' | 'object_id'
  readonly value: string
}

export interface ImdsClientOptions {
  readonly clock: Clock
  /** `http://169.254.169.254` unless told. */
  readonly baseUrl?: string
  /** Time for one exchange, milliseconds. */
  readonly totalMs?: number
  readonly userAgent?: string
}

export interface ImdsClient {
  /**
   * One try, no retry.
   * @param request.resource byte for byte what the caller asked for
   * @throws UpstreamError; the signal's reason when it aborts
   */
  token(
    request: { readonly resource: string; readonly selector?: ImdsSelector },
    signal: AbortSignal,
  ): Promise<IssuedToken>
  /**
   * Passes a metadata request on. `pathAndQuery` is built by the caller from what it understood; only
   * plain paths of categories that hold no credential are taken.
   * @throws UpstreamError of kind `denied` for another path, `unavailable` when there is no answer
   */
  get(pathAndQuery: string, signal: AbortSignal): Promise<HttpAnswer>
  close(): void
}

/** Version that every SDK asks for. */
const TOKEN_API_VERSION = '2018-02-01'

const TOKEN_PATH = '/metadata/identity/oauth2/token'

/** Second lock behind the front door's allow-list: no dots that climb, no encodings, no credential path. */
const PASS_THROUGH =
  /^\/metadata\/(?:instance|versions|attested|scheduledevents|loadbalancer|identity\/info)(?:\/[\w-]+)*\/?(?:\?[\w.~%&=+:-]*)?$/

const DEFAULTS = {
  baseUrl: 'http://169.254.169.254',
  connectMs: 2_000,
  totalMs: 15_000,
  // What IMDS serves at once.
  maxSockets: 5,
  maxBytes: 1024 * 1024,
  maxRetryAfterSeconds: 120,
}

export function createImdsClient(options: ImdsClientOptions): ImdsClient {
  const http = createHttpClient({ ...DEFAULTS, ...options })
  // Apart, so that pods that read much metadata hold no connection that a token waits for.
  const metadata = createHttpClient({ ...DEFAULTS, ...options, maxSockets: 3 })
  const base = new URL(options.baseUrl ?? DEFAULTS.baseUrl)

  async function ask(by: HttpClient, url: URL, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await by.send({ method: 'GET', url, headers: { metadata: 'true' } }, signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      throw new UpstreamError('unavailable', `IMDS did not answer: ${errorText(thrown)}`, { cause: thrown })
    }
  }

  return {
    async token({ resource, selector }, signal) {
      const url = new URL(TOKEN_PATH, base)
      url.searchParams.set('api-version', TOKEN_API_VERSION)
      url.searchParams.set('resource', resource)
      if (selector !== undefined) url.searchParams.set(selector.name, selector.value)
      const answer = await ask(http, url, signal)
      if (answer.status !== 200) throw failureOf(answer)
      const token = parseTokenBody(answer.body, options.clock.now())
      if (token !== undefined) return token
      throw new UpstreamError('unavailable', 'IMDS answered 200 with something that is no token', {
        status: 200,
      })
    },
    get(pathAndQuery, signal) {
      if (pathAndQuery.length <= 2048 && PASS_THROUGH.test(pathAndQuery))
        return ask(metadata, new URL(pathAndQuery, base), signal)
      return Promise.reject(new UpstreamError('denied', 'the path is not one that is passed on to IMDS'))
    },
    close() {
      http.close()
      metadata.close()
    },
  }
}

/** By status first: IMDS uses `invalid_request` for passing and for permanent causes alike. */
function failureOf(answer: HttpAnswer): UpstreamError {
  const { status, retryAfterSeconds } = answer
  const details = { status, retryAfterSeconds }
  const body = parseErrorBody(answer.body)
  const reason = body === undefined ? 'with no error that can be read' : stableText(body)
  if (status === 429) return new UpstreamError('throttled', `IMDS limits this node (429): ${reason}`, details)
  const refusal = status === 400 || status === 401 || status === 403 || status === 405
  if (!refusal || body === undefined || isTransient(body))
    return new UpstreamError('unavailable', `IMDS answered ${status}: ${reason}`, details)
  if (/\bidentity not found\b/i.test(body.description))
    return new UpstreamError('identity-unknown', 'IMDS of this node does not know the identity', details)
  return new UpstreamError('denied', `IMDS refused the token: ${reason}`, details)
}
