/** A map that forgets what was not used for the longest time when it is full. */
export interface RecentMap<T> {
  /** Counts as use. */
  get(key: string): T | undefined
  set(key: string, value: T): void
  delete(key: string): void
  readonly size: number
}

export function createRecentMap<T>(maxEntries: number): RecentMap<T> {
  // A Map keeps its keys in the order in which they were put in.
  const entries = new Map<string, T>()
  const put = (key: string, value: T): void => {
    entries.delete(key)
    entries.set(key, value)
  }
  return {
    get(key) {
      const value = entries.get(key)
      if (value !== undefined) put(key, value)
      return value
    },
    set(key, value) {
      put(key, value)
      const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined
      if (oldest !== undefined) entries.delete(oldest)
    },
    delete: (key) => void entries.delete(key),
    get size() {
      return entries.size
    },
  }
}
