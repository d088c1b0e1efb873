import { azureAssignedIdentities } from '../../kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../kube/resources/azure-identity-bindings.ts'
import { azurePodIdentityExceptions } from '../../kube/resources/azure-pod-identity-exceptions.ts'
import { agentPods } from '../../kube/resources/pods.ts'
import { NODE_NAME_LABEL } from '../../model/names.ts'
import type { NmiStores } from '../../nmi/cluster-view.ts'
import { createWatches, type Watches, type WatchOptions } from '../watches.ts'

export type WatchedNmiStores = NmiStores & Omit<Watches, 'add'>

export interface StoreOptions extends WatchOptions {
  readonly node: string
  readonly managed: boolean
}

/** The node agent's watches: its own pods and assigned identities, and all bindings and identities. */
export function watchNmiStores(options: StoreOptions): WatchedNmiStores {
  const { node, managed } = options
  const { add, ...watches } = createWatches(options)
  return {
    ...watches,
    pods: add(agentPods(), { fieldSelector: `spec.nodeName=${node}` }),
    bindings: add(azureIdentityBindings()),
    identities: add(azureIdentities()),
    exceptions: add(azurePodIdentityExceptions()),
    ...(managed
      ? {}
      : { assigned: add(azureAssignedIdentities(), { labelSelector: `${NODE_NAME_LABEL}=${node}` }) }),
  }
}
