import type { Clock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import type { SecretString } from '../base/secret.ts'
import { type ClientCertificate, clientAssertion } from './client-assertion.ts'
import { isTransient, parseErrorBody, stableText } from './error-body.ts'
import { createHttpClient, type HttpAnswer } from './http-client.ts'
import type { Proxies } from './proxies.ts'
import { type IssuedToken, parseTokenBody } from './token-answer.ts'
import { UpstreamError } from './upstream-error.ts'

export type EntraCredential =
  | { readonly kind: 'secret'; readonly secret: SecretString }
  | { readonly kind: 'certificate'; readonly certificate: ClientCertificate }
  /** A token of an issuer that a federated credential of the client trusts; sent as it is. */
  | { readonly kind: 'assertion'; readonly assertion: SecretString }

export interface EntraRequest {
  /** Authority as an https origin, such as `https://login.microsoftonline.com`. */
  readonly origin: string
  /** GUID or domain name. */
  readonly tenantId: string
  readonly clientId: string
  readonly resource: string
  readonly credential: EntraCredential
}

export interface EntraClient {
  /**
   * Client credentials grant of the v2 endpoint; one try, no retry.
   * @throws UpstreamError; the signal's reason when it aborts
   */
  token(request: EntraRequest, signal: AbortSignal): Promise<IssuedToken>
  close(): void
}

export interface EntraClientOptions {
  readonly clock: Clock
  /** PEM of a CA to trust instead of the built-in ones, for custom clouds. */
  readonly ca?: string
  /** Time for one exchange, milliseconds. */
  readonly totalMs?: number
  readonly userAgent?: string
  /** None unless told. */
  readonly proxies?: Proxies | undefined
}

const DEFAULTS = {
  connectMs: 5_000,
  totalMs: 20_000,
  maxSockets: 8,
  maxBytes: 1024 * 1024,
  maxRetryAfterSeconds: 300,
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export function createEntraClient(options: EntraClientOptions): EntraClient {
  const http = createHttpClient({ ...DEFAULTS, ...options })

  async function post(url: URL, form: URLSearchParams, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
    try {
      return await http.send({ method: 'POST', url, headers, body: form.toString() }, signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      const text = `Entra (${url.host}) did not answer: ${errorText(thrown)}`
      throw new UpstreamError('unavailable', text, { cause: thrown })
    }
  }

  return {
    async token(request, signal) {
      const url = tokenEndpoint(request)
      const { form, secrets } = formOf(request, url, options.clock)
      const answer = await post(url, form, signal)
      if (answer.status !== 200) throw failureOf(answer, secrets)
      const token = parseTokenBody(answer.body, options.clock.now())
      if (token !== undefined) return token.clientId === '' ? { ...token, clientId: request.clientId } : token
      throw new UpstreamError('unavailable', 'Entra answered 200 with something that is no token', {
        status: 200,
      })
    },
    close: () => http.close(),
  }
}

/** @throws UpstreamError of kind `denied` when origin or tenant would lead somewhere else. */
function tokenEndpoint(request: EntraRequest): URL {
  const url = URL.canParse(request.origin) ? new URL(request.origin) : undefined
  if (url === undefined || url.protocol !== 'https:' || url.origin !== request.origin)
    throw new UpstreamError('denied', 'the Entra authority is not an https origin')
  // Its endpoint has another path and other answers; none of them was ever seen by podid.
  if (request.tenantId.toLowerCase() === 'adfs')
    throw new UpstreamError('denied', 'the tenant adfs (AD FS) is not supported, only tenants of Entra are')
  if (!/^[a-z\d](?:[a-z\d.-]{0,253}[a-z\d])?$/i.test(request.tenantId))
    throw new UpstreamError('denied', 'the tenant is neither a GUID nor a domain name')
  return new URL(`/${request.tenantId}/oauth2/v2.0/token`, url)
}

/** The form, and what of it must never be seen in a message. */
function formOf(request: EntraRequest, url: URL, clock: Clock): { form: URLSearchParams; secrets: string[] } {
  const form = new URLSearchParams({
    client_id: request.clientId,
    scope: `${request.resource}/.default`,
    grant_type: 'client_credentials',
  })
  const { credential } = request
  if (credential.kind === 'secret') {
    const secret = credential.secret.reveal()
    form.set('client_secret', secret)
    return { form, secrets: [secret] }
  }
  const assertion =
    credential.kind === 'assertion'
      ? credential.assertion
      : clientAssertion(credential.certificate, { clientId: request.clientId, audience: url.href }, clock)
  form.set('client_assertion_type', ASSERTION_TYPE)
  form.set('client_assertion', assertion.reveal())
  return { form, secrets: [assertion.reveal()] }
}

function failureOf(answer: HttpAnswer, secrets: readonly string[]): UpstreamError {
  const { status, retryAfterSeconds } = answer
  const body = parseErrorBody(answer.body)
  const details = { status, retryAfterSeconds, aadsts: body?.aadsts }
  const reason = body === undefined ? 'with no error that can be read' : stableText(body, secrets)
  if (status === 429)
    return new UpstreamError('throttled', `Entra limits the requests (429): ${reason}`, details)
  if (body?.aadsts === LOOP_DETECTED)
    return new UpstreamError('throttled', `Entra limits the requests (${status}): ${reason}`, details)
  const refusal = status >= 400 && status < 500 && status !== 408
  if (!refusal || body === undefined || isTransient(body))
    return new UpstreamError('unavailable', `Entra answered ${status}: ${reason}`, details)
  return new UpstreamError('denied', `Entra refused the token: ${reason}`, details)
}

/** `AADSTS50196`: the same request came too often in a short time. */
const LOOP_DETECTED = 50196
