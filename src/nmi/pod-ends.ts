import type { Store, Unsubscribe } from '../kube/store.ts'
import { isLive, type Pod } from '../model/resources.ts'

/** True when requests from this pod's addresses may be taken for its own. */
export function ownsItsAddresses(pod: Pod): boolean {
  return isLive(pod) && !pod.hostNetwork
}

export interface PodEndListener {
  /** The pod was deleted, has finished, or another pod took its name. Called once per end. */
  podEnded(pod: Pod): void
  /** A pod that goes on lives no longer at these addresses. */
  addressesLeft(pod: Pod, addresses: readonly string[]): void
}

/** Tells of every pod's end, as soon as its event is in the store. */
export function watchPodEnds(pods: Store<Pod>, listener: PodEndListener): Unsubscribe {
  return pods.subscribe(({ before, after }) => {
    if (before === undefined || !isLive(before)) return
    if (after === undefined || after.uid !== before.uid || !isLive(after)) {
      listener.podEnded(before)
      return
    }
    const left = before.addresses.filter((address) => !after.addresses.includes(address))
    if (left.length > 0) listener.addressesLeft(before, left)
  })
}
