import type { Clock } from '../base/clock.ts'
import { Owner } from '../base/lifecycle.ts'
import type { ResourceSpec } from '../kube/resource-spec.ts'
import type { Rest } from '../kube/rest.ts'
import type { Store } from '../kube/store.ts'
import type { Versioned } from '../kube/store-feed.ts'
import { type WatchedStore, watchStore } from '../kube/watched-store.ts'
import type { KubeMetrics } from '../telemetry/kube-metrics.ts'
import type { Log } from '../telemetry/log.ts'
import type { Check } from '../telemetry/probes.ts'

/** Bookmarks come each minute; a watch that is silent for so long has been cut without a word. */
const SILENT_MS = 5 * 60_000

export interface WatchOptions {
  readonly rest: Rest
  readonly clock: Clock
  readonly log: Log
  readonly metrics: KubeMetrics
}

interface Selectors {
  /** All namespaces unless told. */
  readonly namespace?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

/** The watches of one component: started, stopped and asked for their health together. */
export interface Watches {
  readonly add: <T extends Versioned>(spec: ResourceSpec<T>, selectors?: Selectors) => Store<T>
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when every store is as new as the server was at the call. @throws the signal's reason. */
  refresh(signal: AbortSignal): Promise<void>
  checks(): Check[]
}

export function createWatches({ rest, clock, log, metrics }: WatchOptions): Watches {
  const watches = new Map<string, Pick<WatchedStore<unknown>, 'start' | 'stop' | 'health' | 'refresh'>>()
  const owner = new Owner()
  return {
    add(spec, selectors = {}) {
      const watch = watchStore({
        rest,
        spec,
        clock,
        log,
        ...selectors,
        onEvent: metrics.watchNotice(spec.name),
      })
      watches.set(spec.name, watch)
      return watch.store
    },
    async start() {
      for (const watch of watches.values()) {
        owner.own(() => watch.stop())
        await watch.start()
      }
    },
    stop: () => owner.close(),
    async refresh(signal) {
      await Promise.all([...watches.values()].map((watch) => watch.refresh(signal)))
    },
    checks: () => [...watches].map(([name, watch]) => checkOf(name, watch)),
  }
}

function checkOf(name: string, watch: Pick<WatchedStore<unknown>, 'health'>): Check {
  const { synced, lastHeardMs, lastError } = watch.health()
  const because = lastError === undefined ? '' : ` (${lastError})`
  if (!synced) return { name: `watch-${name}`, failure: `${name} have not been listed yet${because}` }
  if (lastHeardMs > SILENT_MS) {
    const minutes = Math.round(lastHeardMs / 60_000)
    return { name: `watch-${name}`, failure: `nothing was heard of ${name} for ${minutes} minutes${because}` }
  }
  return { name: `watch-${name}`, failure: undefined }
}
