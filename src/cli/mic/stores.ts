import { azureAssignedIdentities } from '../../kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../kube/resources/azure-identity-bindings.ts'
import { nodes } from '../../kube/resources/nodes.ts'
import { controllerPods } from '../../kube/resources/pods.ts'
import type { Stores } from '../../mic/world.ts'
import { createWatches, type Watches, type WatchOptions } from '../watches.ts'

/** The controller's watches: everything, reduced to the fields that it uses. */
export function watchMicStores(options: WatchOptions): Stores & Omit<Watches, 'add'> {
  const { add, ...watches } = createWatches(options)
  return {
    ...watches,
    pods: add(controllerPods()),
    nodes: add(nodes()),
    identities: add(azureIdentities()),
    bindings: add(azureIdentityBindings()),
    assigned: add(azureAssignedIdentities()),
  }
}
