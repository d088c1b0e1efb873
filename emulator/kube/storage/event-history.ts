import type { KubeObject } from '../kube-object.ts'

export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** Resource version of the write. */
  readonly version: number
  readonly key: string
  /** After the write; of a deletion: the last state, with the version of the deletion. */
  readonly object: KubeObject
  /** Before the write; absent when the object is new. */
  readonly previous?: KubeObject
}

/**
 * The last writes of one resource. It is bounded: who asks for more than it holds gets 410 from the API,
 * as from the watch cache of a real server.
 */
export class EventHistory {
  readonly #limit: number
  #events: StoreEvent[] = []
  #horizon: number

  /** @param horizon the version from which on nothing is missing yet. */
  constructor(limit: number, horizon: number) {
    this.#limit = limit
    this.#horizon = horizon
  }

  /** All events after this version are known. */
  get horizon(): number {
    return this.#horizon
  }

  add(event: StoreEvent): void {
    this.#events.push(event)
    // In blocks, so that an insertion stays cheap on average.
    if (this.#events.length > this.#limit * 2) this.#dropFirst(this.#events.length - this.#limit)
  }

  /** Events after `version`, oldest first; undefined when some of them are forgotten. */
  since(version: number): readonly StoreEvent[] | undefined {
    if (version < this.#horizon) return undefined
    return this.#events.slice(this.#firstAfter(version))
  }

  /** Forgets everything up to `version`: what etcd's compaction does. */
  compact(version: number): void {
    this.#dropFirst(this.#firstAfter(version))
    this.#horizon = Math.max(this.#horizon, version)
  }

  #dropFirst(count: number): void {
    const last = this.#events[count - 1]
    if (last === undefined) return
    this.#horizon = Math.max(this.#horizon, last.version)
    this.#events = this.#events.slice(count)
  }

  #firstAfter(version: number): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle]?.version ?? 0) <= version) low = middle + 1
      else high = middle
    }
    return low
  }
}
