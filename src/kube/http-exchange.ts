import {
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { codeOf } from '../base/errors.ts'
import { trimEnd } from '../base/trim-end.ts'
import { MOST_IDLE_CONNECTIONS } from './agent.ts'
import { KubeAnswerError, type KubeConnection, KubeUnreachableError } from './connection.ts'

export interface Exchange {
  readonly method: string
  /** Path and query, below the connection's server. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Aborts the request, and the answer's body as long as it is read. */
  readonly signal: AbortSignal
}

/**
 * Sends one request and resolves with the answer's head; the body is read by the caller.
 * @throws KubeUnreachableError, or the signal's reason.
 */
export async function exchange(connection: KubeConnection, call: Exchange): Promise<IncomingMessage> {
  const options = await connection.requestOptions()
  call.signal.throwIfAborted()
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(connection.server, options, call)
    } catch (thrown) {
      if (!(thrown instanceof StaleConnectionError)) throw thrown
      if (tries > MOST_IDLE_CONNECTIONS) {
        throw new KubeUnreachableError(`${call.method} ${pathOf(call.target)} failed`, {
          cause: thrown.cause,
        })
      }
    }
  }
}

/** The server closed an idle connection at the moment it was used again: asking again is safe for a read. */
class StaleConnectionError extends Error {}

function attempt(server: string, options: RequestOptions, call: Exchange): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = start(server, options, call)
  const abort = (): void => {
    request.destroy(call.signal.reason as Error)
  }
  call.signal.addEventListener('abort', abort, { once: true })
  request.once('close', () => call.signal.removeEventListener('abort', abort))
  request.once('response', (message) => {
    // An answer that breaks off after its reader left has no other listener, and must not end the process.
    message.on('error', () => {})
    resolve(message)
  })
  request.on('error', (thrown) => reject(asExchangeError(thrown, request, call)))
  request.end(call.body)
  return promise
}

function start(server: string, options: RequestOptions, call: Exchange): ClientRequest {
  const url = new URL(server)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return send({
    ...options,
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    method: call.method,
    path: `${trimEnd(url.pathname, '/')}${call.target}`,
    headers: {
      ...(options.headers as OutgoingHttpHeaders | undefined),
      ...call.headers,
      // Node frames the body of a DELETE by no means of its own.
      ...(call.body === undefined ? {} : { 'content-length': Buffer.byteLength(call.body) }),
    },
  })
}

function asExchangeError(thrown: Error, request: ClientRequest, call: Exchange): Error {
  if (call.signal.aborted) return call.signal.reason as Error
  if (call.method === 'GET' && request.reusedSocket && codeOf(thrown) === 'ECONNRESET') {
    return new StaleConnectionError('stale connection', { cause: thrown })
  }
  return new KubeUnreachableError(`${call.method} ${pathOf(call.target)} failed`, { cause: thrown })
}

/** The target without its query, for messages: a `continue` token helps nobody and changes each time. */
export function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? target
}

/**
 * The chunks of an answer's body until it ends.
 * @throws KubeUnreachableError when it breaks off, or the signal's reason.
 */
export async function* chunksOf(
  message: IncomingMessage,
  what: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const abort = (): void => {
    message.destroy(signal.reason as Error)
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    for await (const chunk of message) yield chunk as Buffer
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    throw new KubeUnreachableError(`${what}: the answer broke off`, { cause: thrown })
  } finally {
    signal.removeEventListener('abort', abort)
    message.destroy()
  }
}

/**
 * The whole body as text.
 * @throws KubeAnswerError when it is longer than `maxBytes`.
 */
export async function textOf(
  message: IncomingMessage,
  what: string,
  options: { maxBytes: number; signal: AbortSignal },
): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of chunksOf(message, what, options.signal)) {
    size += chunk.length
    if (size > options.maxBytes) {
      throw new KubeAnswerError(`${what}: the answer is larger than ${options.maxBytes} bytes`, {
        tooLarge: true,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
