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
 * `proven`: the address is the pod's now. `disproven`: it is somebody else's. `unheard`: this network would show
 * it, and does not now. `unknown`: this network shows nothing, and the address alone has to do.
 */
export type Verdict = 'proven' | 'disproven' | 'unheard' | 'unknown'

/** Evidence beyond the index of addresses that a pod has an address at this moment. */
export interface CallerProof {
  /** Asked for each connection and each request: answers at once, in microseconds. */
  verify(pod: Pod, address: string): Verdict
  /** Tells of addresses whose verdict may be another one from now on, though no watch event says so. */
  subscribe?(listener: (address: string) => void): void
}

type Found =
  | { readonly pod: Pod; readonly refusal?: undefined }
  | { readonly refusal: Refusal; readonly pod?: undefined }

/** Source address -> pod. */
export interface Callers {
  /** What the watch knows: one look-up in the index; of several pods the one that the proof shows. */
  at(address: string): Found
  /** What the proof says, if there is one. */
  verdict(pod: Pod, address: string): Verdict
  /**
   * Waits up to the given time for a watch event that tells the one pod of the address, and that the proof
   * does not deny, then reads the API once. @throws the signal's reason when it aborts.
   */
  find(address: string, signal: AbortSignal): Promise<Found>
  /** Remembers an ended pod, so that a slower read of the API cannot bring it back. */
  ended(pod: Pod): void
  hasEnded(pod: Pod): boolean
}

/** How much longer a request waits for a pod that a bridge has not shown, or that is not guarded on it yet. */
const UNHEARD_MS = 1_000

/** Ended pods that are remembered; a direct read is at most some seconds behind. */
const REMEMBERED_ENDS = 4_096

export function createCallers(deps: {
  readonly pods: Store<Pod>
  readonly waiters: Waiters
  readonly clock: Clock
  readonly waitMs: number
  readonly reads?: DirectReads | undefined
  readonly proof?: CallerProof | undefined
}): Callers {
  const { waiters, clock, waitMs, reads, proof } = deps
  const byAddress = deps.pods.index((pod) => (ownsItsAddresses(pod) ? pod.addresses : []))
  const ends = new Set<string>()
  const verdict = (pod: Pod, address: string): Verdict => proof?.verify(pod, address) ?? 'unknown'

  function at(address: string): Found {
    const pods = byAddress.get(address)
    if (pods.size === 0) return { refusal: unknown(address) }
    const [only, ...others] = pods
    if (only !== undefined && others.length === 0) return { pod: only }
    // The link can only be of one of them.
    const [proven, ...more] = [...pods].filter((pod) => verdict(pod, address) === 'proven')
    return proven !== undefined && more.length === 0 ? { pod: proven } : { refusal: ambiguous(address, pods) }
  }

  /** The pod of the address, unless the proof denies it. */
  function admitted(address: string): Found {
    const found = at(address)
    if (found.pod === undefined || !denies(verdict(found.pod, address))) return found
    return { refusal: notProven(found.pod) }
  }

  async function waitForEvent(address: string, signal: AbortSignal): Promise<Found> {
    const endsAt = clock.monotonic() + waitMs
    let found = admitted(address)
    while (found.pod === undefined && clock.monotonic() < endsAt) {
      await waiters.wait(addressWaitKey(address), endsAt - clock.monotonic(), signal)
      found = admitted(address)
    }
    return found
  }

  /** The watch goes first: it may have caught up while the API was read. */
  function chosen(address: string, live: readonly Pod[]): Found {
    const now = admitted(address)
    if (!isReadable(now)) return now
    const [pod, ...others] = live.filter((each) => !denies(verdict(each, address)))
    if (pod === undefined) return now
    return others.length === 0 ? { pod } : { refusal: ambiguous(address, [pod, ...others]) }
  }

  /** A bridge shows a new pod a moment after the API has told of it. */
  function isUnheard(address: string, live: readonly Pod[]): boolean {
    return [...byAddress.get(address), ...live].some((each) => verdict(each, address) === 'unheard')
  }

  return {
    at,
    verdict,
    async find(address, signal) {
      const told = await waitForEvent(address, signal)
      if (!isReadable(told) || reads === undefined) return told
      const read = await reads.podsAt(address)
      signal.throwIfAborted()
      const live = read.filter(
        (each) => ownsItsAddresses(each) && each.addresses.includes(address) && !ends.has(each.uid),
      )
      const found = chosen(address, live)
      if (!isReadable(found) || !isUnheard(address, live)) return found
      await waiters.wait(addressWaitKey(address), UNHEARD_MS, signal)
      return chosen(address, live)
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

/** True when the pod is not to be taken for the caller. */
export function denies(verdict: Verdict): boolean {
  return verdict === 'disproven' || verdict === 'unheard'
}

export function notProven(pod: Pod): Refusal {
  return refuse(
    'caller-not-verified',
    `the network of this node does not show that pod ${objectKey(pod.namespace, pod.name)} has this address now`,
  )
}

/** Cases in which the API may know more than the watch. */
function isReadable({ refusal }: Found): boolean {
  return refusal?.code === 'pod-unknown' || refusal?.code === 'caller-not-verified'
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
