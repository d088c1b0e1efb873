import { createServer, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface ConnectRelayOptions {
  /** Names that it leads to; everything else is refused. */
  readonly names: readonly string[]
  /** Port of 127.0.0.1 behind the names. */
  readonly targetPort: number
}

export interface ConnectRelay {
  /** For HTTPS_PROXY. */
  readonly url: string
  close(): Promise<void>
}

const MAX_TUNNELS = 64
const HEAD_MS = 5_000
const IDLE_MS = 120_000
const HTTPS = 443

/** A forward proxy that leads a few names to a port of this machine: what a hosts file does where root may write one. */
export async function openConnectRelay({ names, targetPort }: ConnectRelayOptions): Promise<ConnectRelay> {
  const allowed = new Set(names.map((name) => `${name}:${HTTPS}`))
  const sockets = new Set<Duplex>()
  const server = createServer((_, response) => response.writeHead(405).end())
  server.maxConnections = MAX_TUNNELS
  server.headersTimeout = HEAD_MS
  server.requestTimeout = HEAD_MS
  server.on('connection', (socket: Socket) => hold(sockets, socket))
  server.on('connect', (request: IncomingMessage, inbound: Duplex, head: Buffer) => {
    if (!allowed.has(request.url ?? '')) {
      inbound.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const outbound = connect({ host: '127.0.0.1', port: targetPort, timeout: IDLE_MS }, () => {
      inbound.write('HTTP/1.1 200 OK\r\n\r\n')
      outbound.write(head)
      inbound.pipe(outbound).pipe(inbound)
    })
    hold(sockets, outbound)
    outbound.on('timeout', () => outbound.destroy())
    // Either end gone ends both.
    outbound.on('close', () => inbound.destroy())
    inbound.on('close', () => outbound.destroy())
  })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => resolve(undefined))
  await promise
  const address = server.address()
  const port = address === null || typeof address === 'string' ? 0 : address.port
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}

function hold(sockets: Set<Duplex>, socket: Duplex): void {
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => sockets.delete(socket))
}
