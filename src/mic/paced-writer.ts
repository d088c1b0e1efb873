import { createPace, type PaceOptions } from '../base/pace.ts'
import type { ObjectWriter } from '../kube/object-writer.ts'
import type { KubeOperation, MicMetrics } from '../telemetry/mic-metrics.ts'

/** The writer with a limit on its rate (`--clientQps`), and its failures counted. */
export function pacedWriter(
  writer: ObjectWriter,
  options: PaceOptions & { readonly metrics: MicMetrics },
): ObjectWriter {
  const turn = createPace(options)
  const paced = async <T>(
    operation: KubeOperation,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> => {
    await turn(signal)
    try {
      return await work()
    } catch (thrown) {
      if (!signal.aborted) options.metrics.kubeWriteFailed(operation)
      throw thrown
    }
  }
  return {
    create: (draft, signal) =>
      paced('assigned_identity_addition', signal, () => writer.create(draft, signal)),
    replace: (ref, draft, signal) =>
      paced('assigned_identity_update', signal, () => writer.replace(ref, draft, signal)),
    patchStatus: (ref, status, signal) =>
      paced('update_azure_assigned_identity_status', signal, () => writer.patchStatus(ref, status, signal)),
    delete: (ref, signal) => paced('assigned_identity_deletion', signal, () => writer.delete(ref, signal)),
    removeFinalizer: (ref, signal) =>
      paced('assigned_identity_deletion', signal, () => writer.removeFinalizer(ref, signal)),
  }
}
