/** What a naive observer knows: which client ids the bindings allow, and since when no more. */

/** Longer than any watch event is late: until then a request may be decided on what was true before. */
const GRACE_MS = 2_000

interface Window {
  readonly clientId: string
  until: number
}

export class Truth {
  readonly #windows = new Map<string, Window[]>()

  /** From now on the identity of that name is bound and has this client id. */
  allow(name: string, clientId: string, now: number): void {
    this.revoke(name, now)
    this.#windows.get(name)?.push({ clientId, until: Number.POSITIVE_INFINITY })
  }

  revoke(name: string, now: number): void {
    const kept = (this.#windows.get(name) ?? []).filter((each) => each.until + GRACE_MS >= now)
    for (const each of kept) if (each.until > now) each.until = now
    this.#windows.set(name, kept)
  }

  isAllowed(name: string, clientId: string, now: number): boolean {
    return (
      this.#windows.get(name)?.some((each) => each.clientId === clientId && each.until + GRACE_MS >= now) ===
      true
    )
  }
}
