import { ObjectStore } from './object-store.ts'
import { VersionCounter } from './version-counter.ts'

/** All stores of the server, by `plural.group`, under one counter of versions. */
export class Database {
  readonly versions: VersionCounter
  readonly #stores = new Map<string, ObjectStore>()
  readonly #onStore = new Set<(name: string, store: ObjectStore) => void>()
  readonly #historyLimit: number

  constructor(options: { firstVersion: number; historyLimit: number }) {
    this.versions = new VersionCounter(options.firstVersion)
    this.#historyLimit = options.historyLimit
  }

  /** The store of a resource; made when it is asked for the first time. */
  store(resource: { readonly plural: string; readonly group: string }): ObjectStore {
    const name = `${resource.plural}.${resource.group}`
    const known = this.#stores.get(name)
    if (known !== undefined) return known
    const store = new ObjectStore(this.versions, this.#historyLimit)
    this.#stores.set(name, store)
    for (const listener of this.#onStore) listener(name, store)
    return store
  }

  stores(): IterableIterator<[string, ObjectStore]> {
    return this.#stores.entries()
  }

  /** Called for every store that is there and every one that comes. */
  onStore(listener: (name: string, store: ObjectStore) => void): void {
    for (const [name, store] of this.#stores) listener(name, store)
    this.#onStore.add(listener)
  }

  /** Forgets the store of a resource that is served no more. */
  drop(resource: { readonly plural: string; readonly group: string }): void {
    this.#stores.delete(`${resource.plural}.${resource.group}`)
  }

  /** Forgets all history: every watch that starts from an older version gets 410. */
  compact(): void {
    for (const store of this.#stores.values()) store.history.compact(this.versions.current)
  }
}
