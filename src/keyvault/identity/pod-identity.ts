import { createHttpClient, type HttpAnswer } from '../../azure/http-client.ts'
import type { Clock } from '../../base/clock.ts'
import { codeOf, errorText, OperatorError } from '../../base/errors.ts'
import { MountFailure } from '../mount-failure.ts'
import { type NmiToken, nmiFailure, readNmiToken } from './nmi-answer.ts'

export interface PodIdentityRequest {
  readonly resource: string
  readonly pod: { readonly namespace: string; readonly name: string }
  /** Lower-case hex SHA-256 of a token that the vault did not accept: NMI then asks for another one. */
  readonly refusedTokenSha256?: string | undefined
}

/** The host door of NMI on this node. */
export interface PodIdentity {
  /** @throws MountFailure `identity-refused` or `identity-unavailable`; the signal's reason when it aborts */
  token(request: PodIdentityRequest, signal: AbortSignal): Promise<NmiToken>
  close(): void
}

export interface PodIdentityOptions {
  readonly clock: Clock
  /** `http://<address>:<port>`, or `unix:///<path>`. */
  readonly endpoint: string
  readonly userAgent?: string
}

const DEFAULTS = {
  connectMs: 2_000,
  // AAD Pod Identity holds a request for 100 s; the mount itself ends before kubelet gives up after two minutes.
  totalMs: 115_000,
  // Requests that NMI holds must not keep the others waiting; it takes this many of one address.
  maxSockets: 128,
  maxBytes: 256 * 1024,
  maxRetryAfterSeconds: 300,
}

/**
 * Asks NMI for the token of a pod, as the Azure provider 1.8 for the Secrets Store CSI driver does. No proxy is ever
 * used.
 *
 * At a TCP port anybody on the network of the node may answer while NMI does not run, so an authority is believed
 * over the socket alone: only root can put one there.
 * @throws OperatorError for an endpoint that is none
 */
export function createPodIdentity(options: PodIdentityOptions): PodIdentity {
  const { clock, endpoint } = options
  const { base, socketPath } = placeOf(endpoint)
  const http = createHttpClient({
    ...DEFAULTS,
    clock,
    ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
    ...(socketPath === undefined ? {} : { socketPath }),
  })

  async function ask(request: PodIdentityRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { resource, pod, refusedTokenSha256: refused } = request
    const url = new URL('/host/token/', base)
    url.searchParams.set('resource', resource)
    if (refused !== undefined) url.searchParams.set('token_sha256_to_refresh', refused)
    const headers = { podns: pod.namespace, podname: pod.name }
    try {
      return await http.send({ method: 'GET', url, headers }, signal)
    } catch (thrown) {
      if (signal.aborted) throw signal.reason
      throw new MountFailure('identity-unavailable', unanswered(endpoint, thrown), { cause: thrown })
    }
  }

  return {
    async token(request, signal) {
      const answer = await ask(request, signal)
      if (answer.status !== 200) throw nmiFailure(answer.status, answer.body)
      const token = readNmiToken(answer.body, clock.now())
      return socketPath === undefined ? { ...token, authority: '' } : token
    },
    close: () => http.close(),
  }
}

function placeOf(endpoint: string): { readonly base: URL; readonly socketPath?: string } {
  const path = /^unix:\/\/(\/[^\0]+)$/.exec(endpoint)?.[1]
  if (path !== undefined) return { base: new URL('http://localhost'), socketPath: path }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (url?.protocol === 'http:' && url.href === `${url.origin}/`) return { base: url }
  throw new OperatorError(
    `the endpoint of pod identity is neither http://<address>:<port> nor unix:///<path>: ${endpoint}`,
  )
}

function unanswered(endpoint: string, thrown: unknown): string {
  switch (codeOf(thrown)) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return `NMI does not run on this node: nobody listens at ${endpoint}`
    case 'EACCES':
      return `NMI cannot be asked: this process may not open ${endpoint}`
    case undefined:
    default:
      return `NMI at ${endpoint} did not answer: ${errorText(thrown)}`
  }
}
