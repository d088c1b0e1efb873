/**
 * The objects podid reads from Kubernetes, reduced to the fields that it uses. `kube/` makes them from
 * the wire; nothing below knows the wire form.
 */

export interface ObjectIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Opaque; compared for equality only. */
  readonly resourceVersion: string
}

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'

export interface Pod extends ObjectIdentity {
  /** Empty until the pod is scheduled. */
  readonly nodeName: string
  readonly phase: PodPhase
  /** Every address of `status.podIPs`, in canonical form; empty until the sandbox exists. */
  readonly addresses: readonly string[]
  readonly hostNetwork: boolean
  readonly serviceAccount: string
  /** In MIC only the binding label is kept. */
  readonly labels: Readonly<Record<string, string>>
  /** Name of the ReplicaSet that controls the pod, else empty. */
  readonly replicaSet: string
  /** `metadata.creationTimestamp`, milliseconds since the epoch; 0 when it cannot be read. */
  readonly createdAt: number
  /** `metadata.deletionTimestamp` is set. */
  readonly deleting: boolean
  /**
   * When the sandbox was last ready or one of its containers last started, as far as the status says:
   * milliseconds since the epoch by the clock of the pod's node, whole seconds. 0 when it does not, and in MIC.
   */
  readonly sandboxAt: number
}

export interface Node {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  /** `spec.providerID` as it stands, else empty. */
  readonly providerId: string
  /** `metadata.creationTimestamp`, milliseconds since the epoch; 0 when it cannot be read. */
  readonly createdAt: number
  /** Positions of the start-up taint in `spec.taints` of this very version; empty unless MIC is told of one. */
  readonly startupTaints: readonly number[]
}

/** A pod of the node agent. */
export interface Agent extends ObjectIdentity {
  readonly nodeName: string
  /** Since when it is told as ready, milliseconds since the epoch; 0 when that cannot be read. */
  readonly readySince: number
  /** Of a DaemonSet, on the host's network, running, ready, and not being deleted. */
  readonly ready: boolean
}

/** 0 user-assigned identity, 1 service principal with secret, 2 service principal with certificate. */
export type IdentityType = 0 | 1 | 2

export interface SecretReference {
  readonly namespace: string
  readonly name: string
}

export interface AzureIdentity extends ObjectIdentity {
  readonly type: IdentityType
  /** ARM id as written by the user, any spelling. */
  readonly resourceId: string
  readonly clientId: string
  readonly clientPassword?: SecretReference
  readonly tenantId: string
  readonly auxiliaryTenantIds: readonly string[]
  readonly adResourceId: string
  /** Entra authority host; empty means the cloud's own. */
  readonly adEndpoint: string
  /** Annotated `aadpodidentity.k8s.io/Behavior: namespaced`. */
  readonly namespaced: boolean
  /** What is wrong with the object, in words, field first; empty when it can be used. */
  readonly problems: readonly string[]
}

export interface AzureIdentityBinding extends ObjectIdentity {
  /** Name of the AzureIdentity in the binding's own namespace. */
  readonly azureIdentity: string
  /** Compared with the pod's label by plain equality. */
  readonly selector: string
  readonly problems: readonly string[]
}

export type AssignmentState = 'Created' | 'Assigned' | 'Unassigned' | ''

export interface AzureAssignedIdentity extends ObjectIdentity {
  readonly pod: string
  readonly podNamespace: string
  readonly nodeName: string
  /** The identity as it was when the object was written. */
  readonly identity: AzureIdentity
  /** The binding as it was when the object was written. */
  readonly binding: AzureIdentityBinding
  /** Empty in objects of old releases: as good as Assigned. */
  readonly state: AssignmentState
  /** Refusal code of a failed assignment, else empty. */
  readonly reason: string
  readonly message: string
  readonly deleting: boolean
  readonly finalizers: readonly string[]
  readonly problems: readonly string[]
}

export interface AzurePodIdentityException extends ObjectIdentity {
  readonly podLabels: Readonly<Record<string, string>>
}

export interface Secret extends ObjectIdentity {
  /** Decoded values. */
  readonly data: Readonly<Record<string, Uint8Array>>
}

/** A finished pod gives up its address and its identities, though the object is still there. */
export function isLive(pod: Pod): boolean {
  return pod.phase !== 'Succeeded' && pod.phase !== 'Failed'
}
