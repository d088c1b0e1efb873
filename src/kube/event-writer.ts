import { CoreV1Api, type CoreV1Event, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node'
import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { clientConfiguration } from './client-transport.ts'
import type { KubeConnection } from './connection.ts'
import type { EventDraft } from './event-draft.ts'

/** @throws KubeApiError (409 when it exists, 404 when it is gone), or what the transport throws. */
export interface EventWriter {
  create(event: EventDraft, signal: AbortSignal): Promise<void>
  /** How often it has happened until now, as it stands on the server. */
  count(event: EventDraft, signal: AbortSignal): Promise<number>
  patchCount(event: EventDraft, signal: AbortSignal): Promise<void>
}

const DEADLINE_MS = 10_000

const mergePatch = setHeaderOptions('Content-Type', PatchStrategy.MergePatch)

export function createEventWriter(connection: KubeConnection, clock: Clock): EventWriter {
  function call<T>(parent: AbortSignal, work: (api: CoreV1Api) => Promise<T>): Promise<T> {
    return withDeadline({ clock, ms: DEADLINE_MS, what: 'writing an Event', parent }, (signal) =>
      work(new CoreV1Api(clientConfiguration(connection, clock, signal))),
    )
  }
  return {
    async create(event, signal) {
      await call(signal, (api) =>
        api.createNamespacedEvent({ namespace: event.namespace, body: toWire(event) }),
      )
    },
    async count({ namespace, name }, signal) {
      const found = await call(signal, (api) => api.readNamespacedEvent({ namespace, name }))
      return found.count ?? 1
    },
    async patchCount({ namespace, name, count, lastAt }, signal) {
      const body = { count, lastTimestamp: new Date(lastAt).toISOString() }
      await call(signal, (api) => api.patchNamespacedEvent({ namespace, name, body }, mergePatch))
    },
  }
}

function toWire(event: EventDraft): CoreV1Event {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: event.namespace, name: event.name },
    involvedObject: { ...event.target },
    type: event.type,
    reason: event.reason,
    message: event.message,
    source: { component: event.component },
    reportingComponent: event.component,
    firstTimestamp: new Date(event.firstAt),
    lastTimestamp: new Date(event.lastAt),
    count: event.count,
  }
}
