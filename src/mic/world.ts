import { bindingLookup } from '../kube/binding-lookup.ts'
import type { Index, Store } from '../kube/store.ts'
import type { BindingLookup } from '../model/match.ts'
import { BINDING_LABEL, objectKey } from '../model/names.ts'
import { type ComputeGroup, parseProviderId } from '../model/resource-id.ts'
import type {
  AzureAssignedIdentity,
  AzureIdentity,
  AzureIdentityBinding,
  Node,
  Pod,
} from '../model/resources.ts'

/** What MIC watches. */
export interface Stores {
  readonly pods: Store<Pod>
  readonly nodes: Store<Node>
  readonly identities: Store<AzureIdentity>
  readonly bindings: Store<AzureIdentityBinding>
  readonly assigned: Store<AzureAssignedIdentity>
}

/** Where a node's identities live; `undefined` group: its provider id is no VM and no scale set. */
export interface Placement {
  readonly group: ComputeGroup | undefined
  readonly providerId: string
}

/**
 * The stores with every index that MIC looks things up by: each lookup costs what it returns. Made once;
 * indexes stay with their stores.
 */
export class World {
  readonly stores: Stores
  readonly bindings: BindingLookup
  readonly #podsBySelector: Index<Pod>
  /** Parsed once for each version of a node: a scale set's nodes are asked for at every event. */
  readonly #placements = new WeakMap<Node, Placement>()
  readonly #podsByNode: Index<Pod>
  readonly #bindingsByIdentity: Index<AzureIdentityBinding>
  readonly #assignedByPod: Index<AzureAssignedIdentity>
  readonly #assignedByNode: Index<AzureAssignedIdentity>

  constructor(stores: Stores) {
    this.stores = stores
    this.#podsBySelector = stores.pods.index((pod) => [pod.labels[BINDING_LABEL] ?? ''])
    this.#podsByNode = stores.pods.index((pod) => [pod.nodeName])
    this.#bindingsByIdentity = stores.bindings.index((each) => [
      objectKey(each.namespace, each.azureIdentity),
    ])
    this.#assignedByPod = stores.assigned.index((each) => [podKeyOf(each)])
    this.#assignedByNode = stores.assigned.index((each) => [each.nodeName])
    this.bindings = bindingLookup(stores.bindings, stores.identities)
  }

  podsWithSelector(selector: string): Iterable<Pod> {
    return selector === '' ? [] : this.#podsBySelector.get(selector)
  }

  podsOnNode(nodeName: string): Iterable<Pod> {
    return this.#podsByNode.get(nodeName)
  }

  bindingsOf(identityKey: string): Iterable<AzureIdentityBinding> {
    return this.#bindingsByIdentity.get(identityKey)
  }

  assignedTo(podKey: string): ReadonlySet<AzureAssignedIdentity> {
    return this.#assignedByPod.get(podKey)
  }

  assignedOn(nodeName: string): ReadonlySet<AzureAssignedIdentity> {
    return this.#assignedByNode.get(nodeName)
  }

  /** Undefined when there is no such node (any more). */
  placement(nodeName: string): Placement | undefined {
    const node = this.stores.nodes.get(nodeName)
    return node === undefined ? undefined : this.#placementOf(node)
  }

  #placementOf(node: Node): Placement {
    const known = this.#placements.get(node)
    if (known !== undefined) return known
    const placement = { group: parseProviderId(node.providerId)?.group, providerId: node.providerId }
    this.#placements.set(node, placement)
    return placement
  }
}

/** Key of the pod that an AzureAssignedIdentity is for. */
export function podKeyOf(object: Pick<AzureAssignedIdentity, 'podNamespace' | 'pod'>): string {
  return objectKey(object.podNamespace, object.pod)
}

/** The VM or scale set behind a canonical id (as the ownership records keep it); undefined if it is neither. */
export function groupFromId(groupId: string): ComputeGroup | undefined {
  const asNode = groupId.includes('/virtualmachinescalesets/') ? `${groupId}/virtualmachines/0` : groupId
  return parseProviderId(`azure://${asNode}`)?.group
}
