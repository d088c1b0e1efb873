import type { Clock } from '../../base/clock.ts'
import { Owner } from '../../base/lifecycle.ts'
import type { ResourceSpec } from '../../kube/resource-spec.ts'
import { azureAssignedIdentities } from '../../kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../kube/resources/azure-identity-bindings.ts'
import { azurePodIdentityExceptions } from '../../kube/resources/azure-pod-identity-exceptions.ts'
import { agentPods } from '../../kube/resources/pods.ts'
import type { Rest } from '../../kube/rest.ts'
import type { Versioned } from '../../kube/store-feed.ts'
import { type WatchedStore, watchStore } from '../../kube/watched-store.ts'
import { NODE_NAME_LABEL } from '../../model/names.ts'
import type { NmiStores } from '../../nmi/cluster-view.ts'
import type { KubeMetrics } from '../../telemetry/kube-metrics.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Check } from '../../telemetry/probes.ts'

/** Bookmarks come each minute; a watch that is silent for so long has been cut without a word. */
const SILENT_MS = 5 * 60_000

export interface WatchedNmiStores extends NmiStores {
  start(): Promise<void>
  stop(): Promise<void>
  checks(): Check[]
}

export interface StoreOptions {
  readonly rest: Rest
  readonly node: string
  readonly managed: boolean
  readonly clock: Clock
  readonly log: Log
  readonly metrics: KubeMetrics
}

/** The node agent's watches: its own pods and assigned identities, and all bindings and identities. */
export function watchNmiStores(options: StoreOptions): WatchedNmiStores {
  const { rest, clock, log, metrics, node } = options
  const watches = new Map<string, WatchedStore<unknown>>()
  const watched = <T extends Versioned>(
    spec: ResourceSpec<T>,
    selectors: { fieldSelector?: string; labelSelector?: string } = {},
  ): WatchedStore<T> => {
    const watch = watchStore({
      rest,
      spec,
      clock,
      log,
      ...selectors,
      onEvent: metrics.watchNotice(spec.name),
    })
    watches.set(spec.name, watch)
    return watch
  }
  const pods = watched(agentPods(), { fieldSelector: `spec.nodeName=${node}` })
  const bindings = watched(azureIdentityBindings())
  const identities = watched(azureIdentities())
  const exceptions = watched(azurePodIdentityExceptions())
  const assigned = options.managed
    ? undefined
    : watched(azureAssignedIdentities(), { labelSelector: `${NODE_NAME_LABEL}=${node}` })
  const owner = new Owner()
  return {
    pods: pods.store,
    bindings: bindings.store,
    identities: identities.store,
    exceptions: exceptions.store,
    ...(assigned === undefined ? {} : { assigned: assigned.store }),
    async start() {
      for (const watch of watches.values()) {
        owner.own(() => watch.stop())
        await watch.start()
      }
    },
    stop: () => owner.close(),
    checks: () => [...watches].map(([name, watch]) => checkOf(name, watch)),
  }
}

function checkOf(name: string, watch: WatchedStore<unknown>): Check {
  const { synced, lastHeardMs, lastError } = watch.health()
  const because = lastError === undefined ? '' : ` (${lastError})`
  if (!synced) return { name: `watch-${name}`, failure: `${name} have not been listed yet${because}` }
  if (lastHeardMs > SILENT_MS) {
    const minutes = Math.round(lastHeardMs / 60_000)
    return { name: `watch-${name}`, failure: `nothing was heard of ${name} for ${minutes} minutes${because}` }
  }
  return { name: `watch-${name}`, failure: undefined }
}
