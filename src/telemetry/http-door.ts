import { createServer, type RequestListener, type Server } from 'node:http'
import { codeOf, OperatorError } from '../base/errors.ts'

export interface DoorOptions {
  readonly host: string
  /** 0 lets the system choose. */
  readonly port: number
  /** What the door is for and which flag moves it, for the error of a taken port: `metrics (--prometheus-port)`. */
  readonly purpose: string
  /** Another process of the same user may listen there too (SO_REUSEPORT). */
  readonly shared?: boolean | undefined
}

/** A small HTTP server for operators: probes, metrics. Bounded, and closed by its owner. */
export interface Door {
  open(): Promise<void>
  close(): Promise<void>
  /** The port it listens on; 0 before `open`. */
  readonly port: number
}

/** Far more than a kubelet and some scrapers hold. */
const MAX_CONNECTIONS = 64

export function createDoor(options: DoorOptions, listener: RequestListener): Door {
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 },
    listener,
  )
  server.maxConnections = MAX_CONNECTIONS
  return {
    open: () => listen(server, options),
    async close() {
      if (!server.listening) return
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      server.closeAllConnections()
      await closed.promise
    },
    get port() {
      return portOf(server)
    },
  }
}

/** Listens, or explains in an OperatorError why it cannot. */
export async function listen(server: Server, options: DoorOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const onError = (error: Error): void => reject(explain(error, options))
  server.once('error', onError)
  const { host, port, shared = false } = options
  server.listen({ host, port, reusePort: shared }, () => resolve(undefined))
  try {
    await promise
  } finally {
    server.removeListener('error', onError)
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return address === null || typeof address === 'string' ? 0 : address.port
}

function explain(error: Error, { host, port, purpose }: DoorOptions): Error {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new OperatorError(
        `cannot listen on ${host}:${port} for ${purpose}: another process holds the port. ` +
          `Find it with: ss -ltnp 'sport = :${port}'`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
      return new OperatorError(
        `cannot listen on ${host}:${port} for ${purpose}: this machine has no such address`,
        {
          cause: error,
        },
      )
    case 'EACCES':
      return new OperatorError(`cannot listen on ${host}:${port} for ${purpose}: not permitted`, {
        cause: error,
      })
    case undefined:
    default:
      return new Error(`cannot listen on ${host}:${port} for ${purpose}`, { cause: error })
  }
}
