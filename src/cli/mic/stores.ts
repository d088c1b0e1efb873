import { agents } from '../../kube/resources/agents.ts'
import { azureAssignedIdentities } from '../../kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../kube/resources/azure-identity-bindings.ts'
import { nodes } from '../../kube/resources/nodes.ts'
import { controllerPods } from '../../kube/resources/pods.ts'
import type { Store } from '../../kube/store.ts'
import type { Stores } from '../../mic/world.ts'
import { BINDING_LABEL } from '../../model/names.ts'
import type { Agent } from '../../model/resources.ts'
import { createWatches, type Watches, type WatchOptions } from '../watches.ts'
import type { StartupTaint } from './startup-taint.ts'

export type WatchedMicStores = Stores & Omit<Watches, 'add'> & { readonly agents?: Store<Agent> }

/** The controller's watches: everything, reduced to the fields that it uses. */
export function watchMicStores(options: WatchOptions, startupTaint?: StartupTaint): WatchedMicStores {
  const { add, ...watches } = createWatches(options)
  return {
    ...watches,
    ...(startupTaint === undefined
      ? {}
      : {
          agents: add(agents(), { namespace: startupTaint.namespace, labelSelector: startupTaint.selector }),
        }),
    // A pod that loses the label is told as deleted, which it is for MIC.
    pods: add(controllerPods(), { labelSelector: BINDING_LABEL }),
    nodes: add(nodes(startupTaint?.key)),
    identities: add(azureIdentities()),
    bindings: add(azureIdentityBindings()),
    assigned: add(azureAssignedIdentities()),
  }
}
