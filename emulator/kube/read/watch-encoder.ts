import type { Clock } from '../../../src/base/clock.ts'
import type { ApiError } from '../api-error.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import type { StoreEvent } from '../storage/event-history.ts'
import type { Form } from './media-type.ts'
import { objectText } from './presentation.ts'
import type { IncludeObject } from './table.ts'
import { metadataOnly, tableOf } from './table.ts'
import type { WatchEncoder } from './watch.ts'

/** Lines of plain watches by event: however many clients watch, an event is serialised once. */
const lines = new WeakMap<StoreEvent, Map<string, string>>()

function sharedLine(event: StoreEvent, key: string, make: () => string): string {
  const known = lines.get(event) ?? new Map<string, string>()
  lines.set(event, known)
  const line = known.get(key) ?? make()
  known.set(key, line)
  return line
}

const lineOf = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

/** The encoder for the form that the client has asked for. */
export function watchEncoder(
  definition: ResourceDefinition,
  form: Form,
  options: { readonly clock: Clock; readonly include: IncludeObject },
): WatchEncoder {
  const error = (each: ApiError): string => lineOf('ERROR', each.status())
  if (form === 'table') return { ...tableEncoder(definition, options), error }
  if (form === 'metadata') {
    return {
      error,
      event: (type, object) => lineOf(type, metadataOnly(object)),
      bookmark: ({ metadata }) =>
        lineOf('BOOKMARK', { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }),
    }
  }
  return {
    error,
    event(type, object, event) {
      const make = (): string => `{"type":"${type}","object":${objectText(object, definition)}}\n`
      return event === undefined ? make() : sharedLine(event, `${type} ${groupVersion(definition)}`, make)
    },
    bookmark: (object) => lineOf('BOOKMARK', object),
  }
}

function tableEncoder(
  definition: ResourceDefinition,
  options: { readonly clock: Clock; readonly include: IncludeObject },
): Omit<WatchEncoder, 'error'> {
  let headers = true
  return {
    event(type, object) {
      const request = { definition, include: options.include, now: options.clock.now(), headers }
      const table = tableOf([object], { resourceVersion: object.metadata.resourceVersion }, request)
      headers = false
      return lineOf(type, table)
    },
    bookmark: ({ metadata }) =>
      lineOf('BOOKMARK', {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata,
        columnDefinitions: null,
        rows: [],
      }),
  }
}
