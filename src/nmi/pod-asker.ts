import type { Clock } from '../base/clock.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Pod } from '../model/resources.ts'
import { type Callers, denies, notProven } from './caller.ts'
import type { Connection } from './connections.ts'
import type { Asker, AskerFound } from './standing.ts'

/** How long a pod from a direct read stands in for its watch event. */
const READ_HOLD_MS = 5_000

/**
 * The pod behind a connection, looked up and proven anew each time; one asker for each connection. The
 * connection stays with the pod that opened it: when the address has moved on to another one, the request is
 * refused.
 */
export function createPodAsker(
  connection: Connection,
  deps: { readonly callers: Callers; readonly clock: Clock },
): Asker {
  const { callers, clock } = deps
  const { remoteAddress } = connection.ends
  let read: Pod | undefined
  let readUntil = 0

  function admits(pod: Pod): boolean {
    const verdict = callers.verdict(pod, remoteAddress)
    // A bridge forgets a silent neighbour: it was the pod that opened this connection, and nobody can take it over.
    if (verdict === 'unheard') return connection.proven && connection.podUid === pod.uid
    if (denies(verdict)) return false
    if (verdict === 'proven' && (connection.podUid ?? pod.uid) === pod.uid) connection.proven = true
    return true
  }

  /** Read directly from the API, since the watch has not told it yet. */
  function standIn(): Pod | undefined {
    if (read === undefined || clock.monotonic() >= readUntil) return undefined
    return callers.hasEnded(read) || !admits(read) ? undefined : read
  }

  function locate(): AskerFound {
    const found = callers.at(remoteAddress)
    if (found.pod !== undefined && admits(found.pod)) return found
    const pod = found.refusal?.code === 'pod-ambiguous' ? undefined : standIn()
    if (pod !== undefined) return { pod }
    if (found.pod === undefined) return { refusal: found.refusal, settles: true }
    // Whose connection this is will not change by waiting.
    return { refusal: notProven(found.pod), settles: connection.podUid === undefined }
  }

  function now(): AskerFound {
    const found = locate()
    if (found.pod === undefined) return found
    connection.podUid ??= found.pod.uid
    return connection.podUid === found.pod.uid
      ? found
      : { refusal: movedOn(found.pod, remoteAddress), settles: false }
  }

  return {
    now,
    async settle(signal) {
      if (locate().pod !== undefined) return
      read = (await callers.find(remoteAddress, signal)).pod
      readUntil = clock.monotonic() + READ_HOLD_MS
    },
  }
}

function movedOn(pod: Pod, address: string): Refusal {
  return refuse(
    'caller-not-verified',
    `this connection was opened by another pod than ${objectKey(pod.namespace, pod.name)}, which has the address ${address} now`,
  )
}
