import type { Clock, Timer } from '../../../src/base/clock.ts'
import type { ApiError } from '../api-error.ts'
import { expired, invalid, tooLargeVersion } from '../api-error.ts'
import type { Fields } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { isTrue } from '../request-info.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import type { Matcher } from '../selectors.ts'
import { selectorOf } from '../selectors.ts'
import type { StoreEvent } from '../storage/event-history.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { forbiddenField, notSupported } from '../validation/field-problem.ts'
import type { World } from '../world.ts'
import { storeOf } from '../world.ts'
import { checkNumbers, versionOf } from './list.ts'

/** How one watch turns objects into lines. */
export interface WatchEncoder {
  event(type: string, object: KubeObject, event: StoreEvent | undefined): string
  bookmark(object: Fields): string
  error(error: ApiError): string
}

/** Where the lines of one watch go. */
export interface WatchSink {
  /** False when the client is too slow: the watch ends. */
  write(line: string): boolean
  end(): void
}

export interface Watch {
  stop(): void
  /** Sends a bookmark now, when the client has asked for bookmarks. */
  bookmark(): void
}

const BOOKMARK_MS = 60_000
const LEAST_TIMEOUT_SECONDS = 1_800

/**
 * Starts a watch: what happened since the version asked for, then everything as it happens.
 * @throws ApiError 400 or 422 for impossible options; a version that is too old is reported in the stream.
 */
export function startWatch(
  world: World,
  definition: ResourceDefinition,
  request: { readonly namespace: string; readonly query: URLSearchParams },
  out: { readonly encoder: WatchEncoder; readonly sink: WatchSink },
): Watch {
  const { query, namespace } = request
  checkNumbers(query)
  checkWatchOptions(query)
  const matches = selectorOf(query, definition)
  const version = versionOf(query)
  const { current } = world.database.versions
  if (isTrue(query.get('sendInitialEvents')) && version !== undefined && version > current) {
    throw tooLargeVersion(version, current)
  }
  const watch = new OpenWatch({ world, definition, matches, namespace, query, ...out })
  watch.open(version)
  return watch
}

function checkWatchOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const initial = query.get('sendInitialEvents')
  const field = 'resourceVersionMatch'
  const problems: FieldProblem[] = []
  if (initial !== null && match !== 'NotOlderThan') {
    problems.push(
      forbiddenField(field, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    )
  }
  if (match !== '') {
    if (initial === null) {
      const detail = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
      problems.push(forbiddenField(field, detail))
    }
    if (match !== 'NotOlderThan') problems.push(notSupported(field, match, ['NotOlderThan']))
  }
  if ((query.get('continue') ?? '') !== '') {
    problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'))
  }
  if (problems.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', problems)
}

interface Parts {
  readonly world: World
  readonly definition: ResourceDefinition
  readonly matches: Matcher | undefined
  readonly namespace: string
  readonly query: URLSearchParams
  readonly encoder: WatchEncoder
  readonly sink: WatchSink
}

class OpenWatch implements Watch {
  readonly #parts: Parts
  readonly #clock: Clock
  readonly #store: ObjectStore
  readonly #prefix: string
  readonly #bookmarks: boolean
  readonly #timers = new Set<Timer>()
  #unsubscribe: (() => void) | undefined
  #after = 0
  #open = true

  constructor(parts: Parts) {
    this.#parts = parts
    this.#clock = parts.world.clock
    this.#store = storeOf(parts.world, parts.definition)
    this.#prefix = parts.namespace === '' ? '' : `${parts.namespace}/`
    this.#bookmarks = isTrue(parts.query.get('allowWatchBookmarks'))
  }

  open(version: number | undefined): void {
    const initial = this.#parts.query.get('sendInitialEvents')
    const { current } = this.#parts.world.database.versions
    const fromState = initial === null ? version === undefined || version === 0 : isTrue(initial)
    if (fromState) this.#sendState(isTrue(initial))
    else if (!this.#sendHistory(version ?? current, initial !== null && (version ?? 0) === 0)) return
    this.#unsubscribe = this.#store.subscribe((event) => this.#deliver(event))
    this.#startTimers()
  }

  /** Everything there is now as ADDED events, and the bookmark that says that this was all. */
  #sendState(closeWithBookmark: boolean): void {
    const { encoder, matches } = this.#parts
    for (const key of this.#store.keysFrom(this.#prefix, '')) {
      const object = this.#store.get(key)
      if (object === undefined || (matches !== undefined && !matches(object))) continue
      if (!this.#write(encoder.event('ADDED', object, undefined))) return
    }
    this.#after = this.#parts.world.database.versions.current
    if (closeWithBookmark && this.#bookmarks) this.#sendBookmark({ 'k8s.io/initial-events-end': 'true' })
  }

  #sendHistory(version: number, fromNow: boolean): boolean {
    const { current } = this.#parts.world.database.versions
    const start = fromNow ? current : version
    const events = this.#store.history.since(start)
    if (events === undefined) {
      const error = expired(`too old resource version: ${start} (${this.#store.history.horizon})`)
      this.#write(this.#parts.encoder.error(error))
      this.stop()
      return false
    }
    this.#after = start
    for (const event of events) this.#deliver(event)
    return this.#open
  }

  #deliver(event: StoreEvent): void {
    if (!this.#open || event.version <= this.#after) return
    if (this.#prefix !== '' && !event.key.startsWith(this.#prefix)) return
    const line = this.#lineFor(event)
    if (line !== undefined) this.#write(line)
  }

  /** An object that begins or ceases to match a selector is added or deleted as far as this watch goes. */
  #lineFor(event: StoreEvent): string | undefined {
    const { matches, encoder } = this.#parts
    const { previous, object } = event
    if (matches === undefined) return encoder.event(event.type, object, event)
    const before = previous !== undefined && matches(previous)
    const after = event.type !== 'DELETED' && matches(object)
    if (event.type === 'DELETED') return before ? encoder.event('DELETED', object, event) : undefined
    if (before && after) return encoder.event('MODIFIED', object, event)
    if (after) return encoder.event('ADDED', object, event)
    if (!before) return undefined
    // The last state that matched, under the version of the write that took it away.
    const { metadata } = previous
    const last = { ...previous, metadata: { ...metadata, resourceVersion: String(event.version) } }
    return encoder.event('DELETED', last, undefined)
  }

  bookmark(): void {
    if (this.#bookmarks && this.#open) this.#sendBookmark(undefined)
  }

  #sendBookmark(annotations: Readonly<Record<string, string>> | undefined): void {
    const { definition, encoder, world } = this.#parts
    const metadata = {
      resourceVersion: String(world.database.versions.current),
      ...(annotations === undefined ? {} : { annotations }),
    }
    const empty = definition.kind === 'Pod' ? { spec: { containers: null }, status: {} } : {}
    this.#write(
      encoder.bookmark({ kind: definition.kind, apiVersion: groupVersion(definition), metadata, ...empty }),
    )
  }

  #startTimers(): void {
    const asked = Number(this.#parts.query.get('timeoutSeconds') ?? 0)
    const seconds = asked > 0 ? asked : LEAST_TIMEOUT_SECONDS * (1 + this.#clock.random())
    this.#later(seconds * 1000, () => this.stop())
    if (!this.#bookmarks) return
    // The last bookmark comes shortly before the end, so that the next watch starts from there.
    if (seconds > 2) this.#later((seconds - 2) * 1000, () => this.bookmark())
    const again = (): void => {
      this.bookmark()
      this.#later(BOOKMARK_MS, again)
    }
    this.#later(BOOKMARK_MS, again)
  }

  #later(ms: number, fire: () => void): void {
    if (!this.#open) return
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer)
      fire()
    })
    this.#timers.add(timer)
  }

  #write(line: string): boolean {
    if (!this.#open) return false
    if (this.#parts.sink.write(line)) return true
    this.stop()
    return false
  }

  stop(): void {
    if (!this.#open) return
    this.#open = false
    this.#unsubscribe?.()
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#parts.sink.end()
  }
}
