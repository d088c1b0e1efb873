import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface DoorOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** With a key and a certificate (PEM) the door speaks HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Let Node's parser accept request targets that its strict mode refuses. */
  readonly lenient?: boolean
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
}

/** A listening server. `close` ends its connections too. */
export interface Door {
  readonly host: string
  readonly port: number
  /** Origin under the address it listens on: `http://127.0.0.1:8080`. */
  readonly url: string
  close(): Promise<void>
}

/** Opens a listener. @throws the system's error when the address cannot be taken. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const base = { keepAlive: true, insecureHTTPParser: options.lenient ?? false, requestTimeout: 60_000 }
  const server: Server =
    options.tls === undefined
      ? createServer(base, options.handle)
      : createTlsServer({ ...base, ...options.tls, minVersion: 'TLSv1.2' }, options.handle)
  server.on('clientError', (_error, socket) => {
    if (socket.writable)
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  const listening = Promise.withResolvers<undefined>()
  server.once('error', listening.reject)
  server.listen(options.port, options.host, () => listening.resolve(undefined))
  await listening.promise
  const { port } = server.address() as AddressInfo
  const scheme = options.tls === undefined ? 'http' : 'https'
  const host = options.host.includes(':') ? `[${options.host}]` : options.host
  return {
    host: options.host,
    port,
    url: `${scheme}://${host}:${port}`,
    async close() {
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      server.closeAllConnections()
      await closed.promise
    },
  }
}
