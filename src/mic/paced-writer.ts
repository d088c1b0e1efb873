import type { Clock } from '../base/clock.ts'
import { sleep, withDeadline } from '../base/deadline.ts'
import type { KubeOperation, MicMetrics } from '../telemetry/mic-metrics.ts'
import type { AssignedIdentityWriter } from './writer.ts'

export interface PaceOptions {
  readonly clock: Clock
  readonly metrics: MicMetrics
  /** `--clientQps`: writes in a second, in the long run. */
  readonly perSecond: number
  /** Writes that may go out at once after a quiet time. */
  readonly burst: number
}

/** One write to the API server, milliseconds. */
const WRITE_DEADLINE_MS = 30_000

/** The writer with a limit on its rate, a deadline on every call, and its failures counted. */
export function pacedWriter(writer: AssignedIdentityWriter, options: PaceOptions): AssignedIdentityWriter {
  const turn = createPace(options)
  const { clock, metrics } = options
  const paced = async <T>(
    operation: KubeOperation,
    parent: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    await turn(parent)
    try {
      return await withDeadline({ clock, ms: WRITE_DEADLINE_MS, what: operation, parent }, work)
    } catch (thrown) {
      if (!parent.aborted) metrics.kubeWriteFailed(operation)
      throw thrown
    }
  }
  return {
    create: (draft, signal) =>
      paced('assigned_identity_addition', signal, (bounded) => writer.create(draft, bounded)),
    replace: (ref, draft, signal) =>
      paced('assigned_identity_update', signal, (bounded) => writer.replace(ref, draft, bounded)),
    patchStatus: (ref, status, signal) =>
      paced('update_azure_assigned_identity_status', signal, (bounded) =>
        writer.patchStatus(ref, status, bounded),
      ),
    delete: (ref, signal) =>
      paced('assigned_identity_deletion', signal, (bounded) => writer.delete(ref, bounded)),
    removeFinalizer: (ref, signal) =>
      paced('assigned_identity_deletion', signal, (bounded) => writer.removeFinalizer(ref, bounded)),
  }
}

/** Waits for the next free place in a steady stream that may run ahead by a burst. */
function createPace({ clock, perSecond, burst }: PaceOptions): (signal: AbortSignal) => Promise<void> {
  const spacing = 1000 / perSecond
  let next = Number.NEGATIVE_INFINITY
  return async (signal) => {
    signal.throwIfAborted()
    const now = clock.monotonic()
    next = Math.max(next, now - burst * spacing) + spacing
    if (next > now) await sleep(clock, next - now, signal)
  }
}
