import { type Backoff, createBackoff } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'

export interface QueueOptions {
  readonly clock: Clock
  /** Keys worked on at the same time; one key is never worked on twice at once. */
  readonly concurrency: number
  /** Milliseconds from a key's first mention to its work, so that a burst becomes one batch. */
  readonly gatherMs: number
  /** First and longest pause after a failure of a key, milliseconds. */
  readonly backoff: { readonly firstMs: number; readonly maxMs: number }
  /** Does all that is due for the key now. A number asks for another run in so many milliseconds. */
  readonly run: (key: string) => Promise<number | undefined>
  readonly onError: (key: string, thrown: unknown, againMs: number) => void
  /** Ends the queue: nothing is started any more. */
  readonly signal: AbortSignal
}

/**
 * Work by key, level-based: a key says that something about it may have changed, not what. Mentioned
 * again while it waits, it is one piece of work; mentioned while it runs, it runs once more.
 */
export class WorkQueue {
  readonly #options: QueueOptions
  readonly #ready = new Set<string>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #later = new Map<string, { timer: Timer; at: number }>()
  readonly #backoffs = new Map<string, Backoff>()
  #idle: PromiseWithResolvers<undefined> | undefined
  #pumping = false

  constructor(options: QueueOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#end(), { once: true })
  }

  /** Keys that wait, run, or are due later. */
  get size(): number {
    return this.#ready.size + this.#running.size + this.#later.size
  }

  add(key: string): void {
    this.addAfter(key, this.#options.gatherMs)
  }

  /** Like `add`, in `ms` milliseconds; an earlier due time of the key stays, and so does its pause after a failure. */
  addAfter(key: string, ms: number): void {
    if (this.#options.signal.aborted || this.#ready.has(key) || this.#isPausing(key)) return
    if (this.#running.has(key) && ms <= this.#options.gatherMs) {
      this.#again.add(key)
      return
    }
    if (ms <= 0) this.#makeReady(key)
    else this.#delay(key, ms)
  }

  /** Resolves when nothing runs any more; call it after the signal aborted. */
  async drained(): Promise<void> {
    if (this.#running.size === 0) return
    this.#idle ??= Promise.withResolvers<undefined>()
    await this.#idle.promise
  }

  /** Events about what fails come all the time; each of them would be another try. */
  #isPausing(key: string): boolean {
    return this.#backoffs.has(key) && this.#later.has(key) && !this.#running.has(key)
  }

  #delay(key: string, ms: number): void {
    const at = this.#options.clock.monotonic() + ms
    const planned = this.#later.get(key)
    if (planned !== undefined && planned.at <= at) return
    planned?.timer.cancel()
    this.#later.set(key, { at, timer: this.#options.clock.after(ms, () => this.#due(key)) })
  }

  #due(key: string): void {
    this.#later.delete(key)
    if (this.#running.has(key)) this.#again.add(key)
    else this.#makeReady(key)
  }

  #makeReady(key: string): void {
    this.#later.get(key)?.timer.cancel()
    this.#later.delete(key)
    this.#ready.add(key)
    if (this.#pumping) return
    this.#pumping = true
    // In a microtask: events that come in one go are one batch, and `add` never runs work inside a caller.
    queueMicrotask(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    for (const key of this.#ready) {
      if (this.#options.signal.aborted || this.#running.size >= this.#options.concurrency) return
      this.#ready.delete(key)
      this.#running.add(key)
      void this.#work(key)
    }
  }

  async #work(key: string): Promise<void> {
    let againMs: number | undefined
    try {
      againMs = await this.#options.run(key)
      this.#backoffs.delete(key)
    } catch (thrown) {
      if (!this.#options.signal.aborted) {
        againMs = this.#backoffOf(key).next()
        // What was said meanwhile is part of the next run; it does not shorten the pause.
        this.#again.delete(key)
        this.#options.onError(key, thrown, againMs)
      }
    }
    this.#running.delete(key)
    if (this.#running.size === 0) this.#idle?.resolve(undefined)
    if (this.#options.signal.aborted) return
    if (this.#again.delete(key)) this.#makeReady(key)
    else if (againMs !== undefined) this.addAfter(key, Math.max(1, againMs))
    this.#pump()
  }

  #backoffOf(key: string): Backoff {
    const known = this.#backoffs.get(key)
    if (known !== undefined) return known
    const backoff = createBackoff(this.#options.clock, this.#options.backoff)
    this.#backoffs.set(key, backoff)
    return backoff
  }

  #end(): void {
    for (const { timer } of this.#later.values()) timer.cancel()
    this.#later.clear()
    this.#ready.clear()
    this.#again.clear()
    this.#backoffs.clear()
  }
}
