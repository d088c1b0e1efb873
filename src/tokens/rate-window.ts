const WINDOW_MS = 1_000

/**
 * At most so many arrivals upstream in any one second. When a request arrives there is only known to lie
 * between its start and its end, so a request counts from its start until one second after its end:
 * counting starts alone would let a slow first request and a quick later one meet in one second.
 * Times are monotonic milliseconds.
 */
export class RateWindow {
  readonly #perSecond: number
  /** Ends within the last second, oldest first. */
  readonly #ends: number[] = []

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** When the next start is allowed while so many are under way; Infinity: not before one of them ends. */
  opensAt(now: number, active: number): number {
    while (this.#ends[0] !== undefined && this.#ends[0] + WINDOW_MS <= now) this.#ends.shift()
    if (active + this.#ends.length < this.#perSecond) return now
    const [oldest] = this.#ends
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest + WINDOW_MS
  }

  end(now: number): void {
    this.#ends.push(now)
  }
}
