import { waitUnder } from '../base/deadline.ts'

/** What one watch event did to a store. */
export interface Change<T> {
  readonly key: string
  /** Absent when the object is new. */
  readonly before?: T
  /** Absent when the object is gone. */
  readonly after?: T
}

export type Unsubscribe = () => void

/** Read side of a store: the newest projected objects that the watch delivered. */
export interface Store<T> {
  /** By `namespace/name`, or by name for objects without a namespace. */
  get(key: string): T | undefined
  values(): IterableIterator<T>
  readonly size: number
  /** True after the first complete list; stays true while a broken watch is being restored. */
  readonly synced: boolean
  /** @throws the signal's reason. */
  whenSynced(signal: AbortSignal): Promise<void>
  /**
   * Called after the store and all its indexes have taken the change in, in the order of the events.
   * A relist delivers only differences. The listener must not throw.
   */
  subscribe(listener: (change: Change<T>) => void): Unsubscribe
  /** An index over the objects, kept up to date from now on. */
  index(keysOf: (object: T) => readonly string[]): Index<T>
}

/** Objects by a computed key. */
export interface Index<T> {
  get(key: string): ReadonlySet<T>
  /** Keys that have at least one object. */
  keys(): IterableIterator<string>
}

const NOTHING: ReadonlySet<never> = new Set<never>()

/** The store itself; only the watch writes to it. */
export class ObjectStore<T> implements Store<T> {
  readonly #objects = new Map<string, T>()
  readonly #indexes: LiveIndex<T>[] = []
  readonly #listeners = new Set<(change: Change<T>) => void>()
  readonly #synced = Promise.withResolvers<undefined>()
  #isSynced = false

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys()
  }

  get size(): number {
    return this.#objects.size
  }

  get synced(): boolean {
    return this.#isSynced
  }

  async whenSynced(signal: AbortSignal): Promise<void> {
    if (this.#isSynced) return
    await waitUnder(signal, this.#synced.promise)
  }

  subscribe(listener: (change: Change<T>) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  index(keysOf: (object: T) => readonly string[]): Index<T> {
    const index = new LiveIndex(keysOf)
    for (const object of this.#objects.values()) index.add(object)
    this.#indexes.push(index)
    return index
  }

  /** Takes in an added or modified object. */
  put(key: string, after: T): void {
    const before = this.#objects.get(key)
    this.#objects.set(key, after)
    for (const index of this.#indexes) {
      if (before !== undefined) index.remove(before)
      index.add(after)
    }
    this.#tell(before === undefined ? { key, after } : { key, before, after })
  }

  remove(key: string): void {
    const before = this.#objects.get(key)
    if (before === undefined) return
    this.#objects.delete(key)
    for (const index of this.#indexes) index.remove(before)
    this.#tell({ key, before })
  }

  /** The first complete list has been taken in. */
  markSynced(): void {
    this.#isSynced = true
    this.#synced.resolve(undefined)
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) listener(change)
  }
}

class LiveIndex<T> implements Index<T> {
  readonly #keysOf: (object: T) => readonly string[]
  readonly #sets = new Map<string, Set<T>>()

  constructor(keysOf: (object: T) => readonly string[]) {
    this.#keysOf = keysOf
  }

  get(key: string): ReadonlySet<T> {
    return this.#sets.get(key) ?? NOTHING
  }

  keys(): IterableIterator<string> {
    return this.#sets.keys()
  }

  add(object: T): void {
    for (const key of this.#keysOf(object)) {
      const set = this.#sets.get(key)
      if (set === undefined) this.#sets.set(key, new Set([object]))
      else set.add(object)
    }
  }

  remove(object: T): void {
    for (const key of this.#keysOf(object)) {
      const set = this.#sets.get(key)
      if (set?.delete(object) === true && set.size === 0) this.#sets.delete(key)
    }
  }
}
