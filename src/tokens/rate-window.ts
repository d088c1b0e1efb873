const WINDOW_MS = 1_000

/** At most so many starts in any one second, wherever the second begins. Times are monotonic milliseconds. */
export class RateWindow {
  /** Times of the last starts, as a ring. */
  readonly #starts: number[]
  #next = 0

  constructor(perSecond: number) {
    this.#starts = Array.from({ length: perSecond }, () => Number.NEGATIVE_INFINITY)
  }

  /** When the next start is allowed: now or earlier means at once. */
  opensAt(now: number): number {
    const oldest = this.#starts[this.#next] ?? now
    return oldest + WINDOW_MS
  }

  start(now: number): void {
    this.#starts[this.#next] = now
    this.#next = (this.#next + 1) % this.#starts.length
  }
}
