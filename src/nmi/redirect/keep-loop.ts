import { createBackoff } from '../../base/backoff.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { errorText, OperatorError } from '../../base/errors.ts'
import type { Log } from '../../telemetry/log.ts'
import type { KeepResult } from './keeper.ts'

export interface RedirectMetrics {
  /** One look at the rules is done. */
  rulesChecked(outcome: 'unchanged' | 'installed' | 'repaired' | 'failed'): void
  connectionsCut(count: number): void
}

export interface RedirectStatus {
  /** The rules stood when they were last looked at: what /healthz calls `Active`. */
  readonly active: boolean
  /** Why not, for readiness. */
  readonly reason?: string
  /** Times that the rules were put right after somebody else changed them. */
  readonly repairs: number
  readonly failures: number
  /** Monotonic time of the last look, milliseconds. */
  readonly lastCheckMs?: number
}

export interface KeepLoopOptions {
  readonly keep: (signal: AbortSignal) => Promise<KeepResult>
  /** Called once, when the rules stand for the first time. Must not reject. */
  readonly onInstalled: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: RedirectMetrics
  /** Time between two looks while all is well; after a failure the next look comes sooner. */
  readonly intervalMs: number
}

/** Looks at the rules again and again, counts, and knows how it went last. */
export interface KeepLoop {
  /** Looks now, then on the interval. @throws OperatorError when only a person can mend it. */
  start(): Promise<void>
  /** Looks now, and then on the interval again. Its failure is in the status. */
  lookNow(): Promise<void>
  /** No look runs after it resolves. */
  stop(): Promise<void>
  status(): RedirectStatus
  /** True once the rules were written. */
  readonly installed: boolean
}

const FIRST_RETRY_MS = 500

export function createKeepLoop(options: KeepLoopOptions): KeepLoop {
  const { clock, log, metrics, intervalMs } = options
  const retry = createBackoff(clock, { firstMs: FIRST_RETRY_MS, maxMs: Math.max(FIRST_RETRY_MS, intervalMs) })
  const controller = new AbortController()
  let timer: Timer | undefined
  let looking: Promise<void> = Promise.resolve()
  let installed = false
  let status: RedirectStatus = {
    active: false,
    reason: 'the redirect rules are not written yet',
    repairs: 0,
    failures: 0,
  }

  const onKept = (kept: KeepResult): void => {
    const { faults } = kept
    const repaired = installed && faults.length > 0
    metrics.rulesChecked(faults.length === 0 ? 'unchanged' : repaired ? 'repaired' : 'installed')
    if (repaired) log.warn({ faults }, 'redirect rules were changed by somebody else and are repaired')
    else if (faults.length > 0) log.info({ faults }, 'redirect rules are written')
    if (kept.localnetChanged) log.info({}, 'route_localnet is switched on for the redirect to 127.0.0.1')
    if (kept.unguarded && !installed) {
      const error = errorText(kept.failure)
      log.warn(
        { error },
        'the guard of the loopback in table raw cannot be written; the node opened it before',
      )
    }
    const repairs = status.repairs + (repaired ? 1 : 0)
    status = { active: true, repairs, failures: status.failures, lastCheckMs: clock.monotonic() }
    installed = true
    retry.reset()
  }

  const onFailed = (thrown: unknown): void => {
    metrics.rulesChecked('failed')
    const reason = errorText(thrown)
    log.error({ error: reason }, 'redirect rules could not be checked or written')
    const failures = status.failures + 1
    status = { active: false, reason, repairs: status.repairs, failures, lastCheckMs: clock.monotonic() }
  }

  const look = async (): Promise<void> => {
    try {
      const first = !installed
      onKept(await options.keep(controller.signal))
      if (first) await options.onInstalled()
    } catch (thrown) {
      if (controller.signal.aborted) return
      onFailed(thrown)
      throw thrown
    }
  }

  const schedule = (): void => {
    if (controller.signal.aborted) return
    timer = clock.after(status.active ? intervalMs : retry.next(), again)
  }

  const again = (): void => {
    // What failed is in the status and the log; the loop goes on.
    looking = look()
      .catch(() => {})
      .then(schedule)
  }

  return {
    async start() {
      looking = look().catch((thrown: unknown) => {
        if (thrown instanceof OperatorError) throw thrown
      })
      await looking
      schedule()
    },
    async lookNow() {
      timer?.cancel()
      await looking.catch(() => {})
      timer?.cancel()
      if (!controller.signal.aborted) again()
      await looking
    },
    async stop() {
      controller.abort(new Error('stopping'))
      timer?.cancel()
      await looking.catch(() => {})
      status = { ...status, active: false, reason: 'stopped' }
    },
    status: () => status,
    get installed() {
      return installed
    },
  }
}
