import type { Socket } from 'node:net'
import { canonicalAddress } from '../model/ip-address.ts'
import type { Pod } from '../model/resources.ts'
import { type Callers, denies, type SocketEnds, type Verdict } from './caller.ts'

/** One TCP connection, and the pod that it belongs to for as long as it lives. */
export interface Connection {
  readonly ends: SocketEnds
  /** Over the limit of its address: told so at its first request, then closed. */
  readonly excess: boolean
  /** UID of the pod that opened the connection; undefined until it is known. */
  podUid: string | undefined
  /** UID of a pod that the address belonged to by the watch, and by the proof no more, when it was opened. */
  readonly foreignTo: string | undefined
  /** The proof of the caller was given for `podUid`. */
  proven: boolean
  /** Requests that are not answered yet, those after the last answer among them. */
  inFlight: number
  /** Requests so far. */
  served: number
  /** The last answer of this connection is on its way: whatever follows on it is not looked at. */
  closing: boolean
  /** Called when the socket has closed: ends what still waits for an answer on it. */
  readonly onGone: Set<() => void>
  drop(): void
}

export interface Connections {
  /** Takes in a new socket, or destroys it when its address holds far too many. */
  accept(socket: Socket): void
  of(socket: Socket): Connection | undefined
  /** The pod has ended: its connections, and those from its addresses that nobody owns yet, are destroyed. */
  podEnded(pod: Pod): void
  addressesLeft(pod: Pod, addresses: readonly string[]): void
  readonly size: number
}

/** Connections beyond the limit that still get an answer, so that an SDK sees a reason and not a reset. */
const EXCESS = 8

/**
 * Who holds which connection. A connection is pinned to a pod as soon as the pod is known, at best when
 * it is accepted: an address may move on to another pod, a TCP connection cannot.
 */
export function createConnections(
  callers: Callers,
  maxPerAddress: number,
  onVerdict: (verdict: Verdict) => void = () => {},
): Connections {
  const bySocket = new WeakMap<Socket, Connection>()
  const byAddress = new Map<string, Set<Connection>>()
  let size = 0

  function forget(connection: Connection): void {
    const { remoteAddress } = connection.ends
    const set = byAddress.get(remoteAddress)
    if (set?.delete(connection) !== true) return
    size -= 1
    if (set.size === 0) byAddress.delete(remoteAddress)
  }

  function dropWhere(addresses: readonly string[], pod: Pod): void {
    for (const address of addresses) {
      for (const connection of byAddress.get(address) ?? []) {
        const { podUid, foreignTo } = connection
        if (podUid === pod.uid || (podUid === undefined && foreignTo !== pod.uid)) connection.drop()
      }
    }
  }

  /** Whose connection it is, as far as that is known when it is opened. */
  function opener(address: string): Pick<Connection, 'podUid' | 'foreignTo' | 'proven'> {
    const { pod } = callers.at(address)
    if (pod === undefined) return { podUid: undefined, foreignTo: undefined, proven: false }
    const verdict = callers.verdict(pod, address)
    onVerdict(verdict)
    return denies(verdict)
      ? { podUid: undefined, foreignTo: pod.uid, proven: false }
      : { podUid: pod.uid, foreignTo: undefined, proven: verdict === 'proven' }
  }

  return {
    accept(socket) {
      const address = canonicalAddress(socket.remoteAddress ?? '')
      const held = byAddress.get(address ?? '') ?? new Set()
      if (address === undefined || held.size >= maxPerAddress + EXCESS) {
        socket.destroy()
        return
      }
      const connection: Connection = {
        ends: endsOf(socket, address),
        excess: held.size >= maxPerAddress,
        ...opener(address),
        inFlight: 0,
        served: 0,
        closing: false,
        onGone: new Set(),
        drop: () => socket.destroy(),
      }
      bySocket.set(socket, connection)
      byAddress.set(address, held.add(connection))
      size += 1
      socket.once('close', () => forget(connection))
    },
    of: (socket) => bySocket.get(socket),
    podEnded: (pod) => dropWhere(pod.addresses, pod),
    addressesLeft: (pod, addresses) => dropWhere(addresses, pod),
    get size() {
      return size
    },
  }
}

function endsOf(socket: Socket, remoteAddress: string): SocketEnds {
  return {
    remoteAddress,
    remotePort: socket.remotePort ?? 0,
    localAddress: canonicalAddress(socket.localAddress ?? '') ?? '',
    localPort: socket.localPort ?? 0,
  }
}
