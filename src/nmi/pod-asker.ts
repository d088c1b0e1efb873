import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { errorText } from '../base/errors.ts'
import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import type { Pod } from '../model/resources.ts'
import type { Log } from '../telemetry/log.ts'
import type { CallerProof, Callers } from './caller.ts'
import type { Connection } from './connections.ts'
import type { Asker, AskerFound } from './standing.ts'

const PROOF_DEADLINE_MS = 2_000
/** How long a pod from a direct read stands in for its watch event. */
const READ_HOLD_MS = 5_000

/**
 * The pod behind a connection, looked up anew each time; one asker for each connection. The connection stays with the pod that opened
 * it: when the address has moved on to another one, the request is refused.
 */
export function createPodAsker(
  connection: Connection,
  deps: {
    readonly callers: Callers
    readonly clock: Clock
    readonly log: Log
    readonly proof?: CallerProof | undefined
  },
): Asker {
  const { callers, clock, log, proof } = deps
  const { ends } = connection
  let read: Pod | undefined
  let readUntil = 0
  let disproof: Refusal | undefined

  function locate(): AskerFound {
    const found = callers.at(ends.remoteAddress)
    if (found.pod !== undefined) return found
    // Read directly from the API, since the watch has not told it yet.
    const standsIn = found.refusal.code === 'pod-unknown' && clock.monotonic() < readUntil
    if (standsIn && read !== undefined && !callers.hasEnded(read)) return { pod: read }
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
    try {
      disproof = await withDeadline(
        { clock, ms: PROOF_DEADLINE_MS, what: 'the proof of the caller', parent: signal },
        (bounded) => by.verify(pod, ends, bounded),
      )
      connection.proven = disproof === undefined && locate().pod?.uid === pod.uid
    } catch (thrown) {
      signal.throwIfAborted()
      // Without a proof the request is refused; the next one on this connection asks for it again.
      log.warn(
        { pod: objectKey(pod.namespace, pod.name), error: errorText(thrown) },
        'no proof of the caller',
      )
    }
  }

  return {
    now,
    async settle(signal) {
      if (locate().pod === undefined) {
        read = (await callers.find(ends.remoteAddress, signal)).pod
        readUntil = clock.monotonic() + READ_HOLD_MS
      }
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
