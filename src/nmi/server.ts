import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../base/clock.ts'
import { codeOf } from '../base/errors.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { ServerLimits } from './config.ts'
import type { Connection, Connections } from './connections.ts'
import { closeAfter, type Exchange, whenOver } from './exchange.ts'
import { rawReply } from './reply.ts'

export interface NmiServer {
  /** @throws OperatorError when its place is taken. */
  open(): Promise<void>
  /** Stops accepting, lets requests finish until the drain limit, then closes what is left. */
  close(): Promise<void>
  /** 0 when it does not listen on one. */
  readonly port: number
  readonly inFlight: number
}

/** Makes the server listen at its place. @throws OperatorError when that place is taken. */
export type Bind = (server: Server) => Promise<void>

const TCP_KEEPALIVE_MS = 30_000
/** After the drain limit held requests are told that podid stops; this long their answers may take. */
const LAST_WORDS_MS = 500
/**
 * How long a connection that was made and has not said anything yet may take to say it when the agent stops: on a busy
 * node 250 ms were too short.
 */
const FIRST_WORDS_MS = 1_000

/**
 * The sockets of the node agent. Everything that a client can make large or slow is bounded here:
 * headers, their time, connections, requests on a connection, pipelining, idle time.
 */
export function createNmiServer(deps: {
  readonly bind: Bind
  readonly limits: ServerLimits
  readonly connections: Pick<Connections, 'accept' | 'of'>
  readonly clock: Clock
  readonly handle: (exchange: Exchange) => void
  /** A fault in podid: one request fails, the agent goes on. */
  readonly onFault: (exchange: Exchange, thrown: unknown) => void
  readonly onRefusedConnection: () => void
  /** Called when the drain limit is over: ends what still waits. */
  readonly onDrained: () => void
}): NmiServer {
  const { limits, connections, clock, handle } = deps
  const nextId = requestIds(clock)
  let inFlight = 0
  let draining = false
  let idle: (() => void) | undefined

  function begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.of(request.socket)
    if (connection === undefined || connection.inFlight >= limits.maxPipelined) {
      request.socket.destroy()
      return
    }
    connection.inFlight += 1
    // Never answered, but kept by node:http until the socket ends: without the count it could be any number.
    if (connection.closing) return
    connection.served += 1
    inFlight += 1
    if (draining || connection.served >= limits.maxRequestsPerConnection) closeAfter(connection, response)
    const exchange = { id: nextId(), request, response, connection, startedMs: clock.monotonic() }
    try {
      handle(exchange)
    } catch (thrown) {
      deps.onFault(exchange, thrown)
    }
    // Answered at once, from the cache: no listener is needed.
    if (response.writableEnded) answered(connection)
    else whenOver(exchange, () => answered(connection))
  }

  function answered(connection: Connection): void {
    connection.inFlight -= 1
    inFlight -= 1
    if (inFlight === 0) idle?.()
  }

  function gone(socket: Socket): void {
    for (const each of connections.of(socket)?.onGone ?? []) each()
  }

  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      // A missing Host is answered like any other bad request, with a JSON body, and Host is not used.
      requireHostHeader: false,
      insecureHTTPParser: false,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEPALIVE_MS,
      noDelay: true,
    },
    begin,
  )
  server.maxConnections = limits.maxConnections
  // Bounded by size already; beyond a count Node would drop headers without a word, X-Forwarded-For among them.
  server.maxHeadersCount = 0
  server.timeout = limits.idleTimeoutMs
  server.on('connection', (socket: Socket) => {
    connections.accept(socket)
    if (socket.destroyed) deps.onRefusedConnection()
    else socket.once('close', () => gone(socket))
  })
  server.on('drop', deps.onRefusedConnection)
  // `Expect` changes nothing for requests without a body.
  server.on('checkContinue', begin)
  server.on('checkExpectation', begin)
  // No listener for `connect`: it would get a socket without any of node:http's own listeners, and a reset would be an
  // error that nobody hears. Without one node:http destroys the socket.
  server.on('clientError', (error: Error, socket: Duplex) => {
    const connection = connections.of(socket as Socket)
    if (connection?.closing === true) return
    // Words of ours between the answers that are still due would be taken for one of them.
    if (connection !== undefined && connection.inFlight > 0) socket.destroy()
    else answerBroken(error, socket, nextId())
  })

  async function allAnswered(): Promise<void> {
    if (inFlight === 0) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    idle = () => resolve(undefined)
    await promise
  }

  /** Resolves `ms` from now; cancel the timer. */
  function over(ms: number): { readonly timer: Timer; readonly promise: Promise<undefined> } {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    return { timer: clock.after(ms, () => resolve(undefined)), promise }
  }

  return {
    open: () => deps.bind(server),
    async close() {
      draining = true
      if (!server.listening) return
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      server.closeIdleConnections()
      const told = clock.after(limits.drainMs, deps.onDrained)
      const limit = over(limits.drainMs + LAST_WORDS_MS)
      await Promise.race([allAnswered(), limit.promise])
      // Who has just connected asks in a moment: cut off now, it would see a reset instead of an answer.
      const firstWords = over(FIRST_WORDS_MS)
      await Promise.race([closed.promise, firstWords.promise])
      await Promise.race([allAnswered(), limit.promise])
      for (const timer of [told, limit.timer, firstWords.timer]) timer.cancel()
      server.closeAllConnections()
      await closed.promise
    },
    get port() {
      return portOf(server)
    },
    get inFlight() {
      return inFlight
    },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return address === null || typeof address === 'string' ? 0 : address.port
}

/** Ids that differ between processes and requests; they guard nothing, so jitter's randomness will do. */
function requestIds(clock: Clock): () => string {
  const prefix = Math.floor(clock.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count}`
  }
}

/** A request that node:http could not read: answered in JSON like all others, then the socket is closed. */
function answerBroken(error: Error, socket: Duplex, id: string): void {
  const code = codeOf(error)
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  end(socket, rawReply(...brokenAnswer(code), id))
}

function brokenAnswer(code: string | undefined): [number, Refusal] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, refuse('request-invalid', 'the headers are too large')]
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return [408, refuse('request-invalid', 'the request took too long to arrive')]
  return [400, refuse('request-invalid', 'the request is not valid HTTP')]
}

function end(socket: Duplex, text: string): void {
  socket.end(text, () => socket.destroy())
}
