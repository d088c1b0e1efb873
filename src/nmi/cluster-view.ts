import { bindingLookup } from '../kube/binding-lookup.ts'
import type { Store } from '../kube/store.ts'
import type { BindingLookup } from '../model/match.ts'
import { objectKey } from '../model/names.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  AzurePodIdentityException,
  Pod,
} from '../model/resources.ts'

export type OperationMode = 'standard' | 'managed'

export interface NmiStores {
  /** The pods of this node, with all their labels. */
  readonly pods: Store<Pod>
  readonly bindings: Store<AzureIdentityBinding>
  readonly identities: Store<AzureIdentity>
  /** Those of this node; absent in managed mode. */
  readonly assigned?: Store<AzureAssignedIdentity>
  readonly exceptions: Store<AzurePodIdentityException>
}

/** The stores with the indexes that one decision needs: each look-up takes constant time. */
export interface ClusterView extends BindingLookup {
  /** True once every store has its first complete list. */
  readonly synced: () => boolean
  /** Names of the stores that lack their first list. */
  missing(): readonly string[]
  pod(key: string): Pod | undefined
  assignedTo(pod: Pod): ReadonlySet<AzureAssignedIdentity>
  exceptionsOf(namespace: string): ReadonlySet<AzurePodIdentityException>
}

const NONE: ReadonlySet<never> = new Set<never>()

export function createClusterView(stores: NmiStores): ClusterView {
  const { pods, bindings, identities, assigned, exceptions } = stores
  const byPod = assigned?.index((object) => [objectKey(object.podNamespace, object.pod)])
  const byNamespace = exceptions.index((exception) => [exception.namespace])
  const named = Object.entries({ pods, bindings, identities, exceptions, ...(assigned && { assigned }) })
  let allSynced = false
  return {
    synced: () => {
      allSynced ||= named.every(([, store]) => store.synced)
      return allSynced
    },
    missing: () => named.filter(([, store]) => !store.synced).map(([name]) => name),
    pod: (key) => pods.get(key),
    assignedTo: (pod) => byPod?.get(objectKey(pod.namespace, pod.name)) ?? NONE,
    exceptionsOf: (namespace) => byNamespace.get(namespace),
    ...bindingLookup(bindings, identities),
  }
}
