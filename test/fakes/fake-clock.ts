import type { Clock, Timer } from '../../src/base/clock.ts'
import { type PendingTimer, TimerQueue } from './timer-queue.ts'

/** A clock that stands still until a test moves it. Timers fire in order of time, then of creation. */
export class FakeClock implements Clock {
  #now: number
  #monotonic = 0
  #order = 0
  #seed: number
  readonly #pending = new TimerQueue()

  constructor(options: { now?: number; seed?: number } = {}) {
    this.#now = options.now ?? Date.UTC(2026, 0, 1)
    this.#seed = options.seed ?? 1
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(ms: number, fire: () => void): Timer {
    this.#order += 1
    const at = this.#monotonic + Math.max(0, ms)
    const pending: PendingTimer = { at, order: this.#order, fire, done: false }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.cancel(pending) }
  }

  /** mulberry32: small, seeded, good enough for jitter. */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  get timers(): number {
    return this.#pending.size
  }

  /** Milliseconds until the next timer, undefined when there is none. */
  untilNext(): number | undefined {
    const next = this.#pending.peek()
    return next === undefined ? undefined : next.at - this.#monotonic
  }

  /** Moves time on, firing what is due; between two timers all promises that can settle do. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await settle()
    for (let next = this.#pending.peek(); next !== undefined && next.at <= end; next = this.#pending.peek()) {
      this.#moveTo(next.at)
      this.#pending.shift()
      next.fire()
      await settle()
    }
    this.#moveTo(end)
    await settle()
  }

  /** Wall clock only: what an operator or NTP does to a machine. */
  jumpWallClock(ms: number): void {
    this.#now += ms
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}

/** Lets every promise that is ready run, without real time passing. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await new Promise<void>((done) => setImmediate(done))
}
