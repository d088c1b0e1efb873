/** Literal names that clusters of AAD Pod Identity hold; changing one breaks the drop-in. */

export const API_GROUP = 'aadpodidentity.k8s.io'
export const API_VERSION = 'v1'
export const GROUP_VERSION = `${API_GROUP}/${API_VERSION}`

/** Pod label whose value a binding's `selector` must equal. */
export const BINDING_LABEL = 'aadpodidbinding'

/** Annotation of an AzureIdentity: with the value `namespaced`, identity, binding and pod share a namespace. */
export const BEHAVIOR_ANNOTATION = 'aadpodidentity.k8s.io/Behavior'
export const BEHAVIOR_NAMESPACED = 'namespaced'

/** Keeps an AzureAssignedIdentity until its identity is off the node (since 1.6.1). */
export const ASSIGNED_IDENTITY_FINALIZER = 'azureassignedidentity.finalizers.aadpodidentity.k8s.io'

/** Label of an AzureAssignedIdentity: the node it is for. */
export const NODE_NAME_LABEL = 'nodename'

/** Where an AzureAssignedIdentity lives when it is not namespaced. */
export const DEFAULT_NAMESPACE = 'default'

export type ResourceKind =
  | 'AzureIdentity'
  | 'AzureIdentityBinding'
  | 'AzureAssignedIdentity'
  | 'AzurePodIdentityException'

export const PLURALS: Readonly<Record<ResourceKind, string>> = {
  AzureIdentity: 'azureidentities',
  AzureIdentityBinding: 'azureidentitybindings',
  AzureAssignedIdentity: 'azureassignedidentities',
  AzurePodIdentityException: 'azurepodidentityexceptions',
}

/** `namespace/name`, the key of a namespaced object in every store and log line. */
export function objectKey(namespace: string, name: string): string {
  return `${namespace}/${name}`
}
