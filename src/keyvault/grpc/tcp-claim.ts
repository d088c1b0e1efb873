import { createServer, type Socket } from 'node:net'
import { asError, OperatorError } from '../../base/errors.ts'
import type { SocketClaim } from './socket-claim.ts'

/** A loopback port in place of the socket, for tests. */
export function createTcpClaim(
  { host, port }: { readonly host: string; readonly port: number },
  onConnection: (socket: Socket) => void,
): SocketClaim {
  const server = createServer(onConnection)
  return {
    status: () =>
      server.listening ? { serving: true } : { serving: false, reason: 'it does not listen yet' },
    target() {
      const address = server.address()
      const listens = address === null || typeof address === 'string' ? port : address.port
      return `${host.includes(':') ? `[${host}]` : host}:${listens}`
    },
    async start() {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      server.once('error', (error) =>
        reject(new OperatorError(`--endpoint: cannot listen on ${host}:${port}`, { cause: asError(error) })),
      )
      server.listen({ host, port }, () => resolve(undefined))
      await promise
    },
    stop() {
      server.close()
      return Promise.resolve()
    },
  }
}
