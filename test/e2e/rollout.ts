/** When the pods of a Deployment or DaemonSet are what its template says, as `kubectl rollout status` judges it. */
import type { ApiReads } from './cluster/api-reads.ts'
import { until } from './cluster/until.ts'

interface Workload {
  readonly metadata: { readonly generation: number }
  readonly spec: { readonly replicas?: number }
  readonly status: {
    readonly observedGeneration?: number
    /** Of a Deployment. */
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly availableReplicas?: number
    /** Of a DaemonSet. */
    readonly desiredNumberScheduled?: number
    readonly updatedNumberScheduled?: number
    readonly numberAvailable?: number
  }
}

/** Resolves when it is; `what` is `deployments/name` or `daemonsets/name`. @throws Error when there is none */
export async function rolledOut(
  reads: ApiReads,
  namespace: string,
  what: string,
  deadlineMs = 200_000,
): Promise<void> {
  const path = `/apis/apps/v1/namespaces/${namespace}/${what}`
  let last = ''
  const options = { deadlineMs, last: () => last }
  await until(`${namespace}/${what} is rolled out`, options, async () => {
    const found = await reads.object<Workload>(path)
    if (found === undefined) throw new Error(`there is no ${path}`)
    last = JSON.stringify(found.status)
    return isRolledOut(found)
  })
}

function isRolledOut({ metadata, spec, status }: Workload): boolean {
  if ((status.observedGeneration ?? 0) < metadata.generation) return false
  const { desiredNumberScheduled: desired } = status
  if (desired !== undefined)
    return (status.updatedNumberScheduled ?? 0) >= desired && (status.numberAvailable ?? 0) >= desired
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  const wanted = spec.replicas ?? 1
  return updatedReplicas >= wanted && replicas === updatedReplicas && availableReplicas >= wanted
}
