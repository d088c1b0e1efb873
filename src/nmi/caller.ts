import type { Clock } from '../base/clock.ts'
import type { Store } from '../kube/store.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Pod } from '../model/resources.ts'
import { ownsItsAddresses } from './pod-ends.ts'
import type { DirectReads } from './pod-reader.ts'
import { addressWaitKey, type Waiters } from './waiters.ts'

/** Both ends of a connection, as a proof of the caller needs them. */
export interface SocketEnds {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

/**
 * Evidence beyond the source address that a pod holds a connection, such as its socket in the pod's
 * network namespace. Asked once per connection.
 */
export interface CallerProof {
  /** A refusal when the pod does not hold the connection. @throws the signal's reason when it aborts. */
  verify(pod: Pod, socket: SocketEnds, signal: AbortSignal): Promise<Refusal | undefined>
}

type Found =
  | { readonly pod: Pod; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly pod?: undefined }

/** Source address -> pod. */
export interface Callers {
  /** What the watch knows: one look-up in the index. */
  at(address: string): Found
  /**
   * Waits up to the given time for a watch event that tells the one pod of the address, then reads the
   * API once. @throws the signal's reason when it aborts.
   */
  find(address: string, signal: AbortSignal): Promise<Found>
  /** Remembers an ended pod, so that a slower read of the API cannot bring it back. */
  ended(pod: Pod): void
  hasEnded(pod: Pod): boolean
}

/** Ended pods that are remembered; a direct read is at most some seconds behind. */
const REMEMBERED_ENDS = 4_096

export function createCallers(deps: {
  readonly pods: Store<Pod>
  readonly waiters: Waiters
  readonly clock: Clock
  readonly waitMs: number
  readonly reads?: DirectReads | undefined
}): Callers {
  const { waiters, clock, waitMs, reads } = deps
  const byAddress = deps.pods.index((pod) => (ownsItsAddresses(pod) ? pod.addresses : []))
  const ends = new Set<string>()

  function at(address: string): Found {
    const pods = byAddress.get(address)
    if (pods.size === 0) return { refusal: unknown(address) }
    if (pods.size > 1) return { refusal: ambiguous(address, pods) }
    for (const pod of pods) return { pod }
    return { refusal: unknown(address) }
  }

  async function waitForEvent(address: string, signal: AbortSignal): Promise<Found> {
    const endsAt = clock.monotonic() + waitMs
    let found = at(address)
    while (found.pod === undefined && clock.monotonic() < endsAt) {
      await waiters.wait(addressWaitKey(address), endsAt - clock.monotonic(), signal)
      found = at(address)
    }
    return found
  }

  return {
    at,
    async find(address, signal) {
      const told = await waitForEvent(address, signal)
      if (told.refusal?.code !== 'pod-unknown' || reads === undefined) return told
      const read = await reads.podsAt(address)
      signal.throwIfAborted()
      // The watch goes first: it may have caught up while the read was under way.
      const now = at(address)
      if (now.refusal?.code !== 'pod-unknown') return now
      const [pod, ...others] = read.filter(
        (each) => ownsItsAddresses(each) && each.addresses.includes(address) && !ends.has(each.uid),
      )
      if (pod === undefined) return now
      return others.length === 0 ? { pod } : { refusal: ambiguous(address, [pod, ...others]) }
    },
    ended(pod) {
      ends.add(pod.uid)
      if (ends.size <= REMEMBERED_ENDS) return
      for (const oldest of ends) {
        ends.delete(oldest)
        return
      }
    },
    hasEnded: (pod) => ends.has(pod.uid),
  }
}

function unknown(address: string): Refusal {
  return refuse('pod-unknown', `no live pod of this node has the address ${address}`)
}

function ambiguous(address: string, pods: Iterable<Pod>): Refusal {
  const names = [...pods].map((pod) => objectKey(pod.namespace, pod.name)).sort()
  return refuse(
    'pod-ambiguous',
    `live pods ${names.join(' and ')} of this node have the same address ${address}`,
  )
}
