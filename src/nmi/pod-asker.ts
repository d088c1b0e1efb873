import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Pod } from '../model/resources.ts'
import type { CallerProof, Callers } from './caller.ts'
import type { Connection } from './connections.ts'
import type { Asker, AskerFound } from './standing.ts'

const PROOF_DEADLINE_MS = 2_000

/**
 * The pod behind a connection, looked up anew each time. The connection stays with the pod that opened
 * it: when the address has moved on to another one, the request is refused.
 */
export function createPodAsker(
  connection: Connection,
  deps: { readonly callers: Callers; readonly clock: Clock; readonly proof?: CallerProof | undefined },
): Asker {
  const { callers, clock, proof } = deps
  const { ends } = connection
  let read: Pod | undefined
  let disproof: Refusal | undefined

  function locate(): AskerFound {
    const found = callers.at(ends.remoteAddress)
    if (found.pod !== undefined) return found
    // Read directly from the API, since the watch has not told it yet.
    if (found.refusal.code === 'pod-unknown' && read !== undefined && !callers.hasEnded(read))
      return { pod: read }
    return { refusal: found.refusal, settles: true }
  }

  function now(): AskerFound {
    const found = locate()
    if (found.pod === undefined) return found
    connection.podUid ??= found.pod.uid
    if (connection.podUid !== found.pod.uid)
      return { refusal: movedOn(found.pod, ends.remoteAddress), settles: false }
    if (proof === undefined || connection.proven) return found
    return disproof === undefined
      ? { refusal: unproven(found.pod), settles: true }
      : { refusal: disproof, settles: false }
  }

  async function prove(by: CallerProof, signal: AbortSignal): Promise<void> {
    const { pod } = locate()
    if (pod === undefined || connection.podUid !== pod.uid) return
    disproof = await withDeadline(
      { clock, ms: PROOF_DEADLINE_MS, what: 'the proof of the caller', parent: signal },
      (bounded) => by.verify(pod, ends, bounded),
    )
    connection.proven = disproof === undefined && locate().pod?.uid === pod.uid
  }

  return {
    now,
    async settle(signal) {
      if (locate().pod === undefined) read = (await callers.find(ends.remoteAddress, signal)).pod
      now()
      if (proof !== undefined && !connection.proven) await prove(proof, signal)
    },
  }
}

function movedOn(pod: Pod, address: string): Refusal {
  return refuse(
    'caller-not-verified',
    `this connection was opened by another pod than ${objectKey(pod.namespace, pod.name)}, which has the address ${address} now`,
  )
}

function unproven(pod: Pod): Refusal {
  return refuse(
    'caller-not-verified',
    `it is not proven that pod ${objectKey(pod.namespace, pod.name)} holds this connection`,
  )
}
