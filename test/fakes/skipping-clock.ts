import { type Clock, systemClock, type Timer } from '../../src/base/clock.ts'

interface Pending {
  readonly at: number
  readonly fire: () => void
}

/**
 * Real time, of which a test may leave some out: for what runs over real sockets and has to become old. The wall clock
 * stays that of the machine, since deadlines of gRPC are times of day.
 */
export class SkippingClock implements Clock {
  #skipped = 0
  readonly #pending = new Set<Pending>()

  now(): number {
    return systemClock.now()
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#skipped
  }

  after(ms: number, fire: () => void): Timer {
    const pending = { at: this.monotonic() + ms, fire: () => end() }
    const timer = systemClock.after(ms, () => end())
    const drop = (): void => {
      timer.cancel()
      this.#pending.delete(pending)
    }
    const end = (): void => {
      drop()
      fire()
    }
    this.#pending.add(pending)
    return { cancel: drop }
  }

  random(): number {
    return systemClock.random()
  }

  /** Leaves out so many milliseconds: what would have happened in them happens now. */
  skip(ms: number): void {
    this.#skipped += ms
    const due = [...this.#pending].filter(({ at }) => at <= this.monotonic()).sort((a, b) => a.at - b.at)
    for (const pending of due) if (this.#pending.has(pending)) pending.fire()
  }
}
