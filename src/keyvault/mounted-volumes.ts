import { createRecentMap, type RecentMap } from './recent-map.ts'

/**
 * Volumes that have been filled, and by whom: a later mount of the same volume for the same reader shows nothing
 * new, so its answer may be shared and a little old. Lost with the process, which only costs requests.
 */
export class MountedVolumes {
  readonly #readers: RecentMap<string>

  /** @param limit volumes; those that were not asked about for the longest time are forgotten */
  constructor(limit: number) {
    this.#readers = createRecentMap(limit)
  }

  /** True when this reader filled it last. */
  has(targetPath: string, reader: string): boolean {
    return this.#readers.get(targetPath) === reader
  }

  filled(targetPath: string, reader: string): void {
    this.#readers.set(targetPath, reader)
  }

  get size(): number {
    return this.#readers.size
  }
}
