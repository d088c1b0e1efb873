import * as v from 'valibot'
import { errorOfEvent } from './api-status.ts'
import { KubeAnswerError, type KubeApiError } from './connection.ts'
import { looseText } from './object-meta.ts'

/** Annotation of the bookmark that ends the initial events (since Kubernetes 1.27). */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end'

/** One line of a watch. */
export type WatchEvent =
  | { readonly kind: 'upsert' | 'delete'; readonly object: unknown; readonly resourceVersion: string }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string; readonly initialEventsEnd: boolean }
  | { readonly kind: 'error'; readonly error: KubeApiError }

const envelope = v.object({
  type: v.picklist(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: v.looseObject({}),
})

/** A bookmark carries nothing but metadata, and of that no name. */
const bookmark = v.object({
  metadata: v.object({
    resourceVersion: v.pipe(v.string(), v.minLength(1)),
    annotations: v.optional(v.fallback(v.record(v.string(), v.unknown()), {}), {}),
  }),
})

const versioned = v.object({ metadata: v.object({ resourceVersion: looseText }) })

/** @throws KubeAnswerError when the line is no watch event. */
export function parseWatchEvent(line: string, what: string): WatchEvent {
  const read = v.safeParse(envelope, parseLine(line, what))
  if (!read.success) throw new KubeAnswerError(`${what}: a line of the watch is no event`)
  const { type, object } = read.output
  if (type === 'ERROR') return { kind: 'error', error: errorOfEvent(what, object) }
  if (type === 'BOOKMARK') return parseBookmark(object, what)
  const version = v.safeParse(versioned, object)
  return {
    kind: type === 'DELETED' ? 'delete' : 'upsert',
    object,
    resourceVersion: version.success ? version.output.metadata.resourceVersion : '',
  }
}

function parseBookmark(object: unknown, what: string): WatchEvent {
  const read = v.safeParse(bookmark, object)
  if (!read.success) throw new KubeAnswerError(`${what}: a bookmark without a resource version`)
  const { resourceVersion, annotations } = read.output.metadata
  return { kind: 'bookmark', resourceVersion, initialEventsEnd: annotations[INITIAL_EVENTS_END] === 'true' }
}

function parseLine(line: string, what: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch (thrown) {
    throw new KubeAnswerError(`${what}: a line of the watch is no JSON`, { cause: thrown })
  }
}

const page = v.object({
  metadata: v.object({ resourceVersion: looseText, continue: looseText }),
  items: v.optional(v.nullable(v.array(v.unknown()), []), []),
})

export interface ListPage {
  readonly items: readonly unknown[]
  readonly resourceVersion: string
  /** Empty on the last page. */
  readonly continueToken: string
}

/** @throws KubeAnswerError when the answer is no list. */
export function parseListPage(answer: unknown, what: string): ListPage {
  const read = v.safeParse(page, answer)
  if (!read.success) throw new KubeAnswerError(`${what}: the answer is no list`)
  const { items, metadata } = read.output
  return { items: items ?? [], resourceVersion: metadata.resourceVersion, continueToken: metadata.continue }
}
