/** A small forward proxy: CONNECT for https, whole addresses for http. It remembers what it was asked. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface ConnectProxy {
  readonly address: string
  /** `CONNECT host:port` or `GET http://...`. */
  readonly asked: string[]
  readonly authorizations: (string | undefined)[]
  [Symbol.asyncDispose](): Promise<void>
}

export interface ConnectProxyOptions {
  /** `open` leads to any name on this machine; `refuse` answers 407; `mute` opens the tunnel to nowhere; `hang` says nothing. */
  readonly way?: 'open' | 'refuse' | 'mute' | 'hang'
}

export async function startConnectProxy({ way = 'open' }: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const asked: string[] = []
  const authorizations: (string | undefined)[] = []
  const sockets = new Set<Duplex>()
  const hold = (socket: Duplex): void => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  const note = (incoming: IncomingMessage): void => {
    asked.push(`${incoming.method} ${incoming.url}`)
    authorizations.push(incoming.headers['proxy-authorization'])
  }
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    note(incoming)
    const { port, pathname } = new URL(incoming.url ?? '')
    const onward = request({ host: '127.0.0.1', port, path: pathname }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers)
      answer.pipe(response)
    })
    onward.end()
  })
  server.on('connection', (socket: Socket) => hold(socket))
  server.on('connect', (incoming: IncomingMessage, socket: Duplex) => {
    note(incoming)
    if (way === 'refuse') socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    if (way === 'mute') socket.write('HTTP/1.1 200 OK\r\n\r\n')
    if (way !== 'open') return
    const port = Number(incoming.url?.split(':').at(-1))
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
    hold(onward)
  })
  const listening = Promise.withResolvers<undefined>()
  server.listen(0, '127.0.0.1', () => listening.resolve(undefined))
  await listening.promise
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}`,
    asked,
    authorizations,
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}
