import type { Clock, Timer } from '../base/clock.ts'
import type { LimiterRefusal } from '../telemetry/token-metrics.ts'
import { RateWindow } from './rate-window.ts'

export interface LimiterOptions {
  readonly clock: Clock
  /** Arrivals upstream in any one second. */
  readonly perSecond: number
  readonly concurrent: number
  /** Of these, how many one caller may hold, so that one slow identity does not take all. */
  readonly concurrentPerCaller: number
  readonly queuedPerCaller: number
  readonly queued: number
  /** Longest wait for a turn, milliseconds. */
  readonly queueMs: number
}

/** No turn was given. */
export class LimiterError extends Error {
  override readonly name = 'LimiterError'
  readonly reason: LimiterRefusal

  constructor(reason: LimiterRefusal) {
    super(`no turn: ${reason}`)
    this.reason = reason
  }
}

interface Waiting {
  readonly caller: string
  readonly grant: () => void
}

/**
 * Turns at one upstream: below its rate, below its concurrency, and shared evenly. Callers wait in a
 * queue of their own and the queues take turns, so a caller with many requests waits for himself.
 */
export class FairLimiter {
  readonly #options: LimiterOptions
  readonly #window: RateWindow
  readonly #queues = new Map<string, Waiting[]>()
  readonly #active = new Map<string, number>()
  #activeTotal = 0
  #queuedTotal = 0
  #pausedUntil = 0
  #wake: Timer | undefined

  constructor(options: LimiterOptions) {
    this.#options = options
    this.#window = new RateWindow(options.perSecond)
  }

  get queued(): number {
    return this.#queuedTotal
  }

  /** No starts for so long; a longer pause that runs already stays. Milliseconds. */
  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#options.clock.monotonic() + ms)
  }

  /** Ends the timer; requests that still wait end by their own signals. */
  stop(): void {
    this.#wake?.cancel()
  }

  /**
   * Runs `work` when its turn has come.
   * @throws LimiterError when there is no room or no turn in time; the signal's reason while waiting
   */
  async run<T>(caller: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    await this.#turn(caller, signal)
    try {
      return await work()
    } finally {
      this.#activeTotal -= 1
      this.#window.end(this.#options.clock.monotonic())
      const active = (this.#active.get(caller) ?? 1) - 1
      if (active === 0) this.#active.delete(caller)
      else this.#active.set(caller, active)
      this.#drain()
    }
  }

  async #turn(caller: string, signal: AbortSignal): Promise<void> {
    const { clock, queueMs } = this.#options
    const queue = this.#queueFor(caller)
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const waiting: Waiting = { caller, grant: () => resolve(undefined) }
    const leave = (reason: unknown): void => {
      if (this.#remove(waiting)) reject(reason)
    }
    const onAbort = (): void => leave(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const timer = clock.after(queueMs, () => leave(new LimiterError('time')))
    queue.push(waiting)
    this.#queuedTotal += 1
    this.#drain()
    try {
      await promise
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    }
  }

  #queueFor(caller: string): Waiting[] {
    const queue = this.#queues.get(caller) ?? []
    if (queue.length >= this.#options.queuedPerCaller) throw new LimiterError('caller')
    if (this.#queuedTotal >= this.#options.queued) throw new LimiterError('total')
    this.#queues.set(caller, queue)
    return queue
  }

  #remove(waiting: Waiting): boolean {
    const queue = this.#queues.get(waiting.caller)
    const at = queue?.indexOf(waiting) ?? -1
    if (queue === undefined || at < 0) return false
    queue.splice(at, 1)
    if (queue.length === 0) this.#queues.delete(waiting.caller)
    this.#queuedTotal -= 1
    return true
  }

  #drain(): void {
    const now = this.#options.clock.monotonic()
    while (this.#queuedTotal > 0 && this.#activeTotal < this.#options.concurrent) {
      const opensAt = Math.max(this.#pausedUntil, this.#window.opensAt(now, this.#activeTotal))
      if (opensAt > now) {
        if (Number.isFinite(opensAt)) this.#wakeAt(opensAt - now)
        return
      }
      const next = this.#next()
      if (next === undefined) return
      this.#activeTotal += 1
      this.#active.set(next.caller, (this.#active.get(next.caller) ?? 0) + 1)
      next.grant()
    }
  }

  /** The first request of the caller whose turn it is; he goes to the end of the line. */
  #next(): Waiting | undefined {
    for (const [caller, queue] of this.#queues) {
      if ((this.#active.get(caller) ?? 0) >= this.#options.concurrentPerCaller) continue
      const next = queue.shift()
      this.#queues.delete(caller)
      if (queue.length > 0) this.#queues.set(caller, queue)
      if (next !== undefined) this.#queuedTotal -= 1
      return next
    }
    return undefined
  }

  #wakeAt(ms: number): void {
    this.#wake?.cancel()
    this.#wake = this.#options.clock.after(ms, () => {
      this.#wake = undefined
      this.#drain()
    })
  }
}
