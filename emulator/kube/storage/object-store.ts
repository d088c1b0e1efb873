import type { KubeObject } from '../kube-object.ts'
import { keyOf, withMetadata } from '../kube-object.ts'
import type { StoreEvent } from './event-history.ts'
import { EventHistory } from './event-history.ts'
import type { VersionCounter } from './version-counter.ts'

export type StoreListener = (event: StoreEvent) => void

/** The objects of one resource, in the order of their keys, with the history of the last writes. */
export class ObjectStore {
  readonly #versions: VersionCounter
  readonly #objects = new Map<string, KubeObject>()
  readonly #listeners = new Set<StoreListener>()
  readonly history: EventHistory
  #keys: string[] | undefined

  constructor(versions: VersionCounter, historyLimit: number) {
    this.#versions = versions
    this.history = new EventHistory(historyLimit, versions.current)
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key)
  }

  values(): IterableIterator<KubeObject> {
    return this.#objects.values()
  }

  /** All keys, sorted as etcd sorts them. */
  keys(): readonly string[] {
    this.#keys ??= [...this.#objects.keys()].sort()
    return this.#keys
  }

  /** Keys that begin with `prefix` and come after `after`, sorted. */
  keysFrom(prefix: string, after: string): readonly string[] {
    const keys = this.keys()
    const first = after > prefix ? firstAfter(keys, after) : firstAfter(keys, prefix)
    if (prefix === '') return first === 0 ? keys : keys.slice(first)
    let last = first
    while (last < keys.length && keys[last]?.startsWith(prefix) === true) last += 1
    return keys.slice(first, last)
  }

  /** Stores a new or changed object under a new resource version and tells the listeners. */
  put(object: KubeObject): KubeObject {
    const key = keyOf(object.metadata)
    const previous = this.#objects.get(key)
    const version = this.#versions.next()
    const stored = withMetadata(object, { resourceVersion: String(version) })
    this.#objects.set(key, stored)
    if (previous === undefined) this.#keys = undefined
    this.#tell(
      previous === undefined
        ? { type: 'ADDED', version, key, object: stored }
        : { type: 'MODIFIED', version, key, object: stored, previous },
    )
    return stored
  }

  /** Takes an object away. Watches show its last stored state with the version of the deletion. */
  remove(key: string): KubeObject | undefined {
    const previous = this.#objects.get(key)
    if (previous === undefined) return undefined
    this.#objects.delete(key)
    this.#keys = undefined
    const version = this.#versions.next()
    const object = withMetadata(previous, { resourceVersion: String(version) })
    this.#tell({ type: 'DELETED', version, key, object, previous })
    return object
  }

  /**
   * What was different at an earlier version: the objects that have changed since, as they were then
   * (undefined for one that did not exist). Undefined when the history does not reach back so far.
   */
  changedSince(version: number): ReadonlyMap<string, KubeObject | undefined> | undefined {
    const events = this.history.since(version)
    if (events === undefined) return undefined
    const then = new Map<string, KubeObject | undefined>()
    for (const event of events) {
      if (!then.has(event.key)) then.set(event.key, event.previous)
    }
    return then
  }

  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(event: StoreEvent): void {
    this.history.add(event)
    for (const listener of this.#listeners) listener(event)
  }
}

function firstAfter(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((keys[middle] ?? '') <= key) low = middle + 1
    else high = middle
  }
  return low
}
