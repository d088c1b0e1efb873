import {
  type Configuration,
  createConfiguration,
  HttpMethod,
  type RequestContext,
  ResponseContext,
  ServerConfiguration,
  wrapHttpLibrary,
} from '@kubernetes/client-node'
import type { Clock } from '../base/clock.ts'
import { errorOfAnswer } from './api-status.ts'
import type { KubeConnection } from './connection.ts'
import { exchange, pathOf, textOf } from './http-exchange.ts'

/** A single object, with room to spare. */
const MOST_BYTES = 16 * 1024 * 1024

/** Never looked up: only the path behind it goes out, over the connection. */
const PLACEHOLDER = 'http://kubernetes.invalid'

/**
 * Configurations for the generated API classes of @kubernetes/client-node, over podid's own connection.
 * The library's transport makes a new undici agent, and so a new TLS connection, for every call, and
 * knows no deadline; its classes are used for what they know: paths, verbs and models.
 *
 * A call throws what Rest throws: KubeApiError, KubeUnreachableError, KubeAnswerError, the signal's reason.
 */
export function clientConfiguration(
  connection: KubeConnection,
  clock: Clock,
  signal: AbortSignal,
): Configuration {
  return createConfiguration({
    baseServer: new ServerConfiguration(PLACEHOLDER, {}),
    httpApi: wrapHttpLibrary({ send: (request) => send(connection, clock, request, signal) }),
  })
}

async function send(
  connection: KubeConnection,
  clock: Clock,
  request: RequestContext,
  signal: AbortSignal,
): Promise<ResponseContext> {
  const url = new URL(request.getUrl())
  const body = request.getBody()
  const method: string = request.getHttpMethod()
  const what = `${method} ${url.pathname}`
  const message = await exchange(connection, {
    method,
    target: `${url.pathname}${url.search}`,
    headers: { ...request.getHeaders(), 'user-agent': 'podid' },
    ...(typeof body === 'string' && method !== HttpMethod.GET ? { body } : {}),
    signal,
  })
  const text = await textOf(message, pathOf(what), { maxBytes: MOST_BYTES, signal })
  const status = message.statusCode ?? 0
  if (status < 200 || status >= 300)
    throw errorOfAnswer(what, { status, headers: message.headers, text }, clock)
  return new ResponseContext(
    status,
    { 'content-type': 'application/json' },
    { text: async () => text, binary: async () => Buffer.from(text), stream: () => null },
  )
}
