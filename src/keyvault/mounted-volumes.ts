import { createRecentMap, type RecentMap } from './recent-map.ts'

interface Filled {
  readonly reader: string
  readonly files: number
}

/**
 * Volumes that have been filled, and by whom: a later mount of the same volume for the same reader shows nothing
 * new, so its answer may be shared and a little old. Lost with the process, which only costs requests.
 */
export class MountedVolumes {
  readonly #volumes: RecentMap<Filled>

  /** @param limit volumes; those that were not asked about for the longest time are forgotten */
  constructor(limit: number) {
    this.#volumes = createRecentMap(limit)
  }

  /** True when this reader filled it last. */
  has(targetPath: string, reader: string): boolean {
    return this.#volumes.get(targetPath)?.reader === reader
  }

  /** How many files it was filled with last; 0 also when that is not known. */
  filesOf(targetPath: string): number {
    return this.#volumes.get(targetPath)?.files ?? 0
  }

  filled(targetPath: string, reader: string, files: number): void {
    this.#volumes.set(targetPath, { reader, files })
  }

  get size(): number {
    return this.#volumes.size
  }
}
