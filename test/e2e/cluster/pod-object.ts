/** What the API server tells of pods and nodes, as far as it is looked at here. */
export interface PodObject {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
    readonly podIP?: string
    readonly podIPs?: readonly { readonly ip: string }[]
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

export interface NodeObject {
  readonly status: { readonly conditions?: readonly Condition[] }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly lastTransitionTime: string
}

interface ContainerStatus {
  readonly name: string
  readonly ready: boolean
  readonly restartCount: number
  readonly containerID?: string
  readonly state: {
    readonly running?: { readonly startedAt: string }
    readonly terminated?: { readonly startedAt: string; readonly exitCode: number }
  }
}

/** Undefined while the kubelet has told of no container. */
export function firstContainer(pod: PodObject | undefined): ContainerStatus | undefined {
  return pod?.status.containerStatuses?.[0]
}

/** Undefined while the pod or node is not ready. */
export function readyCondition(object: PodObject | NodeObject | undefined): Condition | undefined {
  return object?.status.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True')
}

export function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`
}
