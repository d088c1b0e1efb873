import type { Schema } from './schema.ts'

/** A list whose items are told apart by keys; merge patches use the first key alone. */
function byKey(...keys: [string, ...string[]]): Partial<Schema> {
  return {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    'x-kubernetes-patch-merge-key': keys[0],
    'x-kubernetes-patch-strategy': 'merge',
  }
}

const retainKeys = (part: Partial<Schema>): Partial<Schema> => ({
  ...part,
  'x-kubernetes-patch-strategy': 'merge,retainKeys',
})

const set: Partial<Schema> = { 'x-kubernetes-list-type': 'set', 'x-kubernetes-patch-strategy': 'merge' }
const atomic: Partial<Schema> = { 'x-kubernetes-list-type': 'atomic' }
const atomicMap: Partial<Schema> = { 'x-kubernetes-map-type': 'atomic' }

const CONTAINER_LISTS: Readonly<Record<string, Partial<Schema>>> = Object.fromEntries(
  ['Container', 'EphemeralContainer'].flatMap((type) => [
    [`${type}.env`, byKey('name')],
    [`${type}.ports`, byKey('containerPort', 'protocol')],
    [`${type}.volumeMounts`, byKey('mountPath')],
    [`${type}.volumeDevices`, byKey('devicePath')],
  ]),
)

/**
 * How the lists and maps of the built-in kinds are merged, by `Type.field`; what is not named here is
 * replaced as a whole (lists) or merged key by key (maps). Facts of the Kubernetes API reference.
 */
export const LIST_KEYS: Readonly<Record<string, Partial<Schema>>> = {
  ...CONTAINER_LISTS,
  'ObjectMeta.finalizers': set,
  'ObjectMeta.ownerReferences': byKey('uid'),
  'ObjectMeta.managedFields': atomic,
  'PodSpec.containers': byKey('name'),
  'PodSpec.initContainers': byKey('name'),
  'PodSpec.ephemeralContainers': byKey('name'),
  'PodSpec.volumes': retainKeys(byKey('name')),
  'PodSpec.imagePullSecrets': byKey('name'),
  'PodSpec.hostAliases': byKey('ip'),
  'PodSpec.topologySpreadConstraints': byKey('topologyKey', 'whenUnsatisfiable'),
  'PodSpec.resourceClaims': retainKeys(byKey('name')),
  'PodSpec.schedulingGates': byKey('name'),
  'PodSpec.nodeSelector': atomicMap,
  'PodStatus.conditions': byKey('type'),
  'PodStatus.podIPs': byKey('ip'),
  'PodStatus.hostIPs': {
    ...atomic,
    'x-kubernetes-patch-merge-key': 'ip',
    'x-kubernetes-patch-strategy': 'merge',
  },
  'ResourceRequirements.claims': { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
  'ContainerStatus.volumeMounts': byKey('mountPath'),
  'ContainerStatus.allocatedResourcesStatus': byKey('name'),
  'ResourceStatus.resources': {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['resourceID'],
  },
  'PodStatus.resourceClaimStatuses': retainKeys(byKey('name')),
  'ServiceStatus.conditions': byKey('type'),
  'PodDisruptionBudgetSpec.selector': { 'x-kubernetes-patch-strategy': 'replace' },
  'NodeSpec.podCIDRs': set,
  'NodeStatus.addresses': byKey('type'),
  'NodeStatus.conditions': byKey('type'),
  'NamespaceStatus.conditions': byKey('type'),
  'ServiceAccount.secrets': byKey('name'),
  'ServiceSpec.ports': byKey('port', 'protocol'),
  'ServiceSpec.selector': atomicMap,
  'DeploymentStatus.conditions': byKey('type'),
  'DaemonSetStatus.conditions': byKey('type'),
  'ReplicaSetStatus.conditions': byKey('type'),
  'DeploymentSpec.strategy': { 'x-kubernetes-patch-strategy': 'retainKeys' },
  'PodDisruptionBudgetStatus.conditions': byKey('type'),
  'CustomResourceDefinitionStatus.conditions': byKey('type'),
  'ClusterRole.rules': atomic,
  'Role.rules': atomic,
  'RoleBinding.subjects': atomic,
  'ClusterRoleBinding.subjects': atomic,
  'RoleBinding.roleRef': atomicMap,
  'ClusterRoleBinding.roleRef': atomicMap,
}

/** Types that have one owner as a whole, wherever they are used. */
export const ATOMIC_TYPES: ReadonlySet<string> = new Set([
  'ConfigMapKeySelector',
  'FileKeySelector',
  'EndpointAddress',
  'EndpointPort',
  'LabelSelector',
  'LocalObjectReference',
  'NodeSelector',
  'NodeSelectorTerm',
  'ObjectFieldSelector',
  'ObjectReference',
  'OwnerReference',
  'ResourceFieldSelector',
  'RoleRef',
  'ScopeSelector',
  'SecretKeySelector',
  'SecretReference',
  'Subject',
  'TopologySelectorTerm',
  'TypedLocalObjectReference',
])

/** Fields that hold quantities: a number is taken too, and kept as text. */
export const QUANTITIES: ReadonlySet<string> = new Set([
  'ResourceRequirements.limits',
  'ResourceRequirements.requests',
  'ContainerStatus.allocatedResources',
  'NodeStatus.capacity',
  'NodeStatus.allocatable',
  'PodSpec.overhead',
  'EmptyDirVolumeSource.sizeLimit',
  'ResourceFieldSelector.divisor',
])
