import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export interface DoorOptions {
  /** TLS material; without it the door speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca: string }
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
}

/** A listening server that knows its connections: closing it cuts them off. It can be opened again. */
export class Door {
  readonly #options: DoorOptions
  readonly #sockets = new Set<Duplex>()
  #server: Server | undefined
  #port: number

  constructor(options: DoorOptions) {
    this.#options = options
    this.#port = options.port
  }

  /** Known after the first `open`, and the same ever after. */
  get port(): number {
    return this.#port
  }

  async open(): Promise<void> {
    const { tls, handle, host } = this.#options
    const server =
      tls === undefined
        ? createServer(handle)
        : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, handle)
    // Watches stay open for long; their time-out is the API's own.
    server.requestTimeout = 0
    server.keepAliveTimeout = 90_000
    server.on('connection', (socket: Duplex) => this.#keep(socket))
    server.on('secureConnection', (socket: Duplex) => this.#keep(socket))
    server.on('clientError', (_error, socket) => socket.destroy())
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    server.once('error', reject)
    server.listen(this.#port, host, () => resolve(undefined))
    await promise
    server.off('error', reject)
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }

  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server.close(() => resolve(undefined))
    for (const socket of this.#sockets) socket.destroy()
    await promise
  }
}
