import type { ResourceSpec } from './resource-spec.ts'
import type { ObjectStore } from './store.ts'

export interface Versioned {
  readonly uid: string
  readonly resourceVersion: string
}

/** What became of an object that the API delivered. */
export type Taken = 'changed' | 'unchanged' | 'unusable'

/** Puts what the API delivers into a store, projected, and lets through only what differs. */
export interface StoreFeed {
  upsert(raw: unknown): Taken
  delete(raw: unknown): Taken
  /** From now on the keys that come are remembered, until `endList` or the next `beginList`. */
  beginList(): void
  /** The list is complete: what it did not name is gone, and the store is synced. */
  endList(): void
}

export function createStoreFeed<T extends Versioned>(
  store: ObjectStore<T>,
  spec: ResourceSpec<T>,
): StoreFeed {
  let listed: Set<string> | undefined

  return {
    upsert(raw) {
      const object = spec.project(raw)
      if (object === undefined) return 'unusable'
      const key = spec.keyOf(object)
      listed?.add(key)
      const known = store.get(key)
      if (known?.uid === object.uid && known.resourceVersion === object.resourceVersion) return 'unchanged'
      store.put(key, object)
      return 'changed'
    },
    delete(raw) {
      const object = spec.project(raw)
      if (object === undefined) return 'unusable'
      const key = spec.keyOf(object)
      if (store.get(key) === undefined) return 'unchanged'
      store.remove(key)
      return 'changed'
    },
    beginList() {
      listed = new Set()
    },
    endList() {
      const named = listed ?? new Set()
      listed = undefined
      for (const key of store.keys()) if (!named.has(key)) store.remove(key)
      store.markSynced()
    },
  }
}
