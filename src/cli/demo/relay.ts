import { connect, createServer, type Socket } from 'node:net'

export interface RelayOptions {
  /** Port of the node agent on 127.0.0.1. */
  readonly targetPort: number
  /** The address that the pod's connections come from. */
  readonly localAddress: string
  /** Sees what the pod sends. */
  readonly onData?: (chunk: Buffer) => void
}

export interface Relay {
  readonly port: number
  close(): Promise<void>
}

/** Passes connections on to the node agent, coming from `localAddress`. */
export async function openRelay({ targetPort, localAddress, onData }: RelayOptions): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer((inbound) => {
    const outbound = connect({ host: '127.0.0.1', port: targetPort, localAddress })
    if (onData !== undefined) inbound.on('data', onData)
    for (const socket of [inbound, outbound]) {
      sockets.add(socket)
      // Either end gone ends both; the SDK sees a broken connection, as on a node.
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        inbound.destroy()
        outbound.destroy()
      })
    }
    inbound.pipe(outbound).pipe(inbound)
  })
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => resolve(undefined))
  await promise
  const address = server.address()
  return {
    port: address === null || typeof address === 'string' ? 0 : address.port,
    async close() {
      if (!server.listening) return
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}
