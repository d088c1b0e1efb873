/** The one counter of resource versions: every write of any kind takes the next number. */
export class VersionCounter {
  #current: number

  constructor(first: number) {
    this.#current = first
  }

  get current(): number {
    return this.#current
  }

  next(): number {
    this.#current += 1
    return this.#current
  }
}
