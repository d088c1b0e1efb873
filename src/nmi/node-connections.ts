import type { Socket } from 'node:net'
import type { Connection, Connections } from './connections.ts'

/** What the books of the agent show instead of an address. */
const ADDRESS = 'unix'

/** Connections over a socket file: all are the node's own, and who may open one is the file's business. */
export function createNodeConnections(): Pick<Connections, 'accept' | 'of' | 'size'> {
  const known = new Map<Socket, Connection>()
  return {
    accept(socket) {
      known.set(socket, {
        ends: { remoteAddress: ADDRESS, remotePort: 0, localAddress: ADDRESS, localPort: 0 },
        excess: false,
        podUid: undefined,
        foreignTo: undefined,
        proven: false,
        inFlight: 0,
        served: 0,
        closing: false,
        onGone: new Set(),
        drop: () => socket.destroy(),
      })
      socket.once('close', () => known.delete(socket))
    },
    of: (socket) => known.get(socket),
    get size() {
      return known.size
    },
  }
}
