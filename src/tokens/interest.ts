import type { CacheEntry } from './cache-entry.ts'

/** UIDs of ended pods that are remembered, so that a late answer does not bring one back. */
const MAX_ENDED = 4_096

/** Which live pods use which entries. */
export class Interest {
  readonly #entriesOf = new Map<string, Set<CacheEntry>>()
  readonly #ended = new Set<string>()

  get pods(): number {
    return this.#entriesOf.size
  }

  /** False when the pod has ended: then it is no user. */
  add(entry: CacheEntry, pod: string): boolean {
    if (this.#ended.has(pod)) return false
    entry.users.add(pod)
    const entries = this.#entriesOf.get(pod)
    if (entries === undefined) this.#entriesOf.set(pod, new Set([entry]))
    else entries.add(entry)
    return true
  }

  hasEnded(pod: string): boolean {
    return this.#ended.has(pod)
  }

  /** The entry has left the cache. */
  forget(entry: CacheEntry): void {
    for (const pod of entry.users) {
      const entries = this.#entriesOf.get(pod)
      entries?.delete(entry)
      if (entries?.size === 0) this.#entriesOf.delete(pod)
    }
    entry.users.clear()
  }

  /** The pod has ended. @returns the entries that nobody uses any more */
  podGone(pod: string): CacheEntry[] {
    this.#ended.add(pod)
    const oldest = this.#ended.size > MAX_ENDED ? this.#ended.values().next().value : undefined
    if (oldest !== undefined) this.#ended.delete(oldest)
    const entries = [...(this.#entriesOf.get(pod) ?? [])]
    this.#entriesOf.delete(pod)
    return entries.filter((entry) => {
      entry.users.delete(pod)
      return entry.users.size === 0
    })
  }
}
