export interface AuditEntry {
  /** Milliseconds since the epoch at which the answer was sent. */
  readonly at: number
  readonly method: string
  /** Path and query as they came. */
  readonly target: string
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly user: string
  readonly userAgent: string
  readonly code: number
}

/** The last requests and their answers. */
export class AuditLog {
  readonly #limit: number
  #entries: AuditEntry[] = []
  readonly #listeners = new Set<(entry: AuditEntry) => void>()

  constructor(limit: number) {
    this.#limit = limit
  }

  add(entry: AuditEntry): void {
    this.#entries.push(entry)
    if (this.#entries.length > this.#limit * 2) this.#entries = this.#entries.slice(-this.#limit)
    for (const listener of this.#listeners) listener(entry)
  }

  /** Oldest first. */
  entries(match: Partial<AuditEntry> = {}): readonly AuditEntry[] {
    const keys = Object.keys(match) as (keyof AuditEntry)[]
    return this.#entries.slice(-this.#limit).filter((each) => keys.every((key) => each[key] === match[key]))
  }

  clear(): void {
    this.#entries = []
  }

  subscribe(listener: (entry: AuditEntry) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
