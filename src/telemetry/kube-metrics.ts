import { Counter, Gauge } from 'prom-client'
import { type Clock, systemClock } from '../base/clock.ts'
import type { Registry } from './registry.ts'

/** What a watch says about itself (`kube/watched-store.ts`). */
export type WatchNotice =
  /** A complete list was taken in. */
  | { readonly kind: 'synced'; readonly objects: number }
  /** The server sent something, were it only a bookmark. */
  | { readonly kind: 'heard' }
  /** An object came that cannot be kept. */
  | { readonly kind: 'unusable' }
  /** The watch ended, by a fault when there is an error, and is taken up again after the pause. */
  | { readonly kind: 'pause'; readonly ms: number; readonly error?: Error }

/** Why an Event was not written. */
export type EventLoss = 'too many' | 'failed'

export interface KubeMetrics {
  /** `operation_type` of AAD Pod Identity, such as `get_pod_list` or `get_secret`. */
  readonly operationFailed: (operationType: string) => void
  /** The listener of one watch, for `watchStore`'s `onEvent`. */
  readonly watchNotice: (resource: string) => (notice: WatchNotice) => void
  readonly eventWritten: () => void
  readonly eventLost: (cause: EventLoss) => void
}

const ERRORS_NAME = 'aadpodidentity_kubernetes_api_operations_errors_count'

/** Metrics of the Kubernetes client: the old error counter, and how the watches do. */
export function createKubeMetrics(registry: Registry, clock: Clock = systemClock): KubeMetrics {
  const registers = [registry]
  const restarts = new Counter({
    name: 'podid_watch_restarts_total',
    help: 'Watches taken up again, by cause: ended (by the server, as agreed) or failed.',
    labelNames: ['resource', 'cause'],
    registers,
  })
  const unusable = new Counter({
    name: 'podid_watch_unusable_objects_total',
    help: 'Objects that the API server delivered and that have no name.',
    labelNames: ['resource'],
    registers,
  })
  const lists = new Counter({
    name: 'podid_watch_lists_total',
    help: 'Complete lists taken in; more than one for each start means that the API server forgot our place.',
    labelNames: ['resource'],
    registers,
  })
  const events = new Counter({
    name: 'podid_events_total',
    help: 'Kubernetes Events by outcome: written, too many, failed.',
    labelNames: ['outcome'],
    registers,
  })
  const lastHeard = new Map<string, number>()
  const age = new Gauge({
    name: 'podid_watch_age_seconds',
    help: 'Time since the API server was last heard on the watch; bookmarks come each minute.',
    labelNames: ['resource'],
    registers,
    collect() {
      for (const [resource, at] of lastHeard) age.set({ resource }, (clock.monotonic() - at) / 1000)
    },
  })

  return {
    operationFailed: (operationType) => errorCounter(registry).inc({ operation_type: operationType }),
    watchNotice(resource) {
      lastHeard.set(resource, clock.monotonic())
      return (notice) => {
        if (notice.kind === 'heard') lastHeard.set(resource, clock.monotonic())
        if (notice.kind === 'synced') lists.inc({ resource })
        if (notice.kind === 'unusable') unusable.inc({ resource })
        if (notice.kind === 'pause') {
          restarts.inc({ resource, cause: notice.error === undefined ? 'ended' : 'failed' })
        }
      }
    },
    eventWritten: () => events.inc({ outcome: 'written' }),
    eventLost: (cause) => events.inc({ outcome: cause }),
  }
}

/** Shared with the controller's own metrics, which may have registered it before. */
function errorCounter(registry: Registry): Counter {
  const known = registry.getSingleMetric(ERRORS_NAME)
  if (known instanceof Counter) return known
  return new Counter({
    name: ERRORS_NAME,
    help: 'Failed operations on the Kubernetes API',
    labelNames: ['operation_type'],
    registers: [registry],
  })
}
