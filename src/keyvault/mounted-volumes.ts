/**
 * Volumes that have been filled, and by whom: a later mount of the same volume for the same reader shows nothing
 * new, so its answer may be shared and a little old. Lost with the process, which only costs requests.
 */
export class MountedVolumes {
  readonly #limit: number
  readonly #readers = new Map<string, string>()

  /** @param limit volumes; those that were filled longest ago are forgotten */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** True when this reader filled it last. */
  has(targetPath: string, reader: string): boolean {
    return this.#readers.get(targetPath) === reader
  }

  filled(targetPath: string, reader: string): void {
    this.#readers.delete(targetPath)
    this.#readers.set(targetPath, reader)
    if (this.#readers.size <= this.#limit) return
    const [oldest] = this.#readers.keys()
    if (oldest !== undefined) this.#readers.delete(oldest)
  }

  get size(): number {
    return this.#readers.size
  }
}
