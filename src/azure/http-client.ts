import { type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock, Timer } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { asError, codeOf } from '../base/errors.ts'
import { createHttpAgents } from './http-agents.ts'
import type { Proxies } from './proxies.ts'
import { parseRetryAfter } from './retry-after.ts'

interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer
  readonly retryAfterSeconds?: number
  /** `WWW-Authenticate`: what a 401 asks for. */
  readonly challenge?: string
}

export interface HttpClientOptions {
  readonly clock: Clock
  /** Time to a connected (for https: encrypted) socket, milliseconds. */
  readonly connectMs: number
  /** Time to the last byte of the body, the wait for a free socket included, milliseconds. */
  readonly totalMs: number
  readonly maxSockets: number
  /**
   * Of these, how many to one origin; all of them unless told. A client of many origins needs the difference:
   * idle sockets to one count against the others.
   */
  readonly maxSocketsPerOrigin?: number
  /** Largest body, bytes. */
  readonly maxBytes: number
  /** Longest `Retry-After` that is believed, seconds. */
  readonly maxRetryAfterSeconds: number
  /** PEM of a CA to trust instead of the built-in ones. */
  readonly ca?: string
  /** User-Agent of every request. */
  readonly userAgent?: string
  /** None unless told: what is asked by a node-local address must never go through one. */
  readonly proxies?: Proxies | undefined
  /** Path of the unix socket that all requests go to, whatever host their URL names. */
  readonly socketPath?: string
}

/** One exchange at a time over kept-alive sockets. Redirects are answers like others. */
export interface HttpClient {
  /**
   * @throws the signal's reason; DeadlineError after `totalMs`; HttpError, or Node's own error when the
   * connection fails.
   */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>
  /** Ends all connections; exchanges in flight fail. */
  close(): void
}

/** The exchange broke one of the client's bounds. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
}

const AGENT_NAME = 'podid'

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { plain, secure } = createHttpAgents(options, (host) => noConnection(host, options))

  async function send(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const what = `the answer of ${request.url.host}`
    return withDeadline({ clock: options.clock, ms: options.totalMs, what, parent: signal }, (deadline) =>
      oncePerFreshSocket(request, deadline),
    )
  }

  /** A kept-alive socket that the server closed while it was idle is no failure: once more, on another one. */
  async function oncePerFreshSocket(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const agent = request.url.protocol === 'https:' ? secure : plain
    for (let reuses = 0; ; reuses += 1) {
      const reused = { yes: false }
      try {
        return await exchange({ request, agent, options, signal, reused })
      } catch (thrown) {
        const stale = reused.yes && (codeOf(thrown) === 'ECONNRESET' || codeOf(thrown) === 'EPIPE')
        if (!stale || signal.aborted || reuses >= (options.maxSocketsPerOrigin ?? options.maxSockets))
          throw thrown
      }
    }
  }

  return {
    send,
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

interface Exchange {
  readonly request: HttpRequest
  readonly agent: HttpAgent
  readonly options: HttpClientOptions
  readonly signal: AbortSignal
  /** Set to true when a kept-alive socket closed before any byte of an answer came. */
  readonly reused: { yes: boolean }
}

async function exchange({ request, agent, options, signal, reused }: Exchange): Promise<HttpAnswer> {
  signal.throwIfAborted()
  const { url, method, headers } = request
  const secure = url.protocol === 'https:'
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const length =
    request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }
  const outgoing = (secure ? httpsRequest : httpRequest)(url, {
    method,
    agent,
    ...(options.socketPath === undefined ? {} : { socketPath: options.socketPath }),
    headers: { 'user-agent': options.userAgent ?? AGENT_NAME, ...headers, ...length },
  })
  let connecting: Timer | undefined
  const onAbort = (): void => void outgoing.destroy(asError(signal.reason))
  signal.addEventListener('abort', onAbort, { once: true })
  outgoing.once('socket', (socket) => {
    if (!socket.connecting) return
    connecting = options.clock.after(options.connectMs, () =>
      outgoing.destroy(noConnection(url.host, options)),
    )
    socket.once(secure ? 'secureConnect' : 'connect', () => connecting?.cancel())
  })
  outgoing.on('error', (thrown) => {
    reused.yes = outgoing.reusedSocket
    reject(thrown)
  })
  outgoing.once('response', resolve)
  outgoing.once('close', () => {
    connecting?.cancel()
    signal.removeEventListener('abort', onAbort)
  })
  outgoing.end(request.body)
  const incoming = await promise
  const body = await readBody(incoming, options.maxBytes, url.host)
  return answer(incoming, body, options)
}

function noConnection(host: string, { connectMs, proxies }: HttpClientOptions): HttpError {
  const way = proxies === undefined ? '' : ' (a proxy is set)'
  return new HttpError(`no connection to ${host} within ${connectMs} ms${way}`)
}

async function readBody(incoming: IncomingMessage, maxBytes: number, host: string): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop destroys the stream and its socket.
    if (size > maxBytes) throw new HttpError(`the answer of ${host} is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, size)
}

function answer(incoming: IncomingMessage, body: Buffer, options: HttpClientOptions): HttpAnswer {
  const retryAfterSeconds = parseRetryAfter(
    incoming.headers['retry-after'],
    options.clock.now(),
    options.maxRetryAfterSeconds,
  )
  const challenge = incoming.headers['www-authenticate']
  return {
    status: incoming.statusCode ?? 0,
    contentType: incoming.headers['content-type'] ?? '',
    body,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(challenge === undefined ? {} : { challenge }),
  }
}
