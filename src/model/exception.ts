import type { AzurePodIdentityException, Pod } from './resources.ts'

/**
 * The exception that covers a pod, if any: same namespace, and one of its labels is enough (as AAD Pod
 * Identity had it).
 */
export function matchingException(
  pod: Pod,
  exceptions: Iterable<AzurePodIdentityException>,
): AzurePodIdentityException | undefined {
  for (const exception of exceptions) {
    if (exception.namespace !== pod.namespace) continue
    for (const [key, value] of Object.entries(exception.podLabels)) {
      if (Object.hasOwn(pod.labels, key) && pod.labels[key] === value) return exception
    }
  }
  return undefined
}

/** MIC's own pods need the node's identity to talk to ARM: a ReplicaSet named `mic...` in MIC's namespace. */
export function isControllerPod(pod: Pod, micNamespace: string): boolean {
  return pod.namespace === micNamespace && pod.replicaSet.startsWith('mic')
}
