import { systemClock } from '../../base/clock.ts'
import { DeadlineError, withDeadline } from '../../base/deadline.ts'
import { OperatorError } from '../../base/errors.ts'
import { type DrainResult, drain } from '../../mic/drain.ts'
import type { Leadership } from '../../mic/leadership.ts'
import type { TermDeps } from '../../mic/term.ts'
import type { Log } from '../../telemetry/log.ts'

/** A leader that ended without giving its lock back is waited for; one that still works is not. */
const LEAD_MS = 60_000

export interface DrainOptions {
  readonly deps: TermDeps
  readonly leadership: Leadership
  readonly stores: { start(): Promise<void>; stop(): Promise<void> }
  readonly timeoutMs: number
  readonly log: Log
  readonly stop: AbortSignal
}

/**
 * `podid mic --drain`: becomes the leader, and takes everything back.
 * @throws OperatorError while another MIC leads, which would put everything there again.
 */
export async function drainAll({
  deps,
  leadership,
  stores,
  timeoutMs,
  log,
  stop,
}: DrainOptions): Promise<void> {
  const over = new AbortController()
  const leads = Promise.withResolvers<undefined>()
  const drained = Promise.withResolvers<DrainResult>()
  const onStop = (): void => over.abort(stop.reason)
  stop.addEventListener('abort', onStop, { once: true })
  await stores.start()
  const contending = leadership.contend(async (signal) => {
    leads.resolve(undefined)
    drained.resolve(await drain(deps, timeoutMs, signal))
    over.abort(new Error('drained'))
  }, over.signal)
  contending.then(
    () => drained.reject(new OperatorError('stopped before the drain was done: run it again')),
    (thrown: unknown) => drained.reject(thrown as Error),
  )
  // Awaited below, unless leadership never comes.
  drained.promise.catch(() => {})
  try {
    await untilLeading(leads.promise, stop)
    const { objects, forced } = await drained.promise
    log.info({ objects, forced: forced.length }, 'drained: podid may be uninstalled')
  } finally {
    over.abort(new Error('drain ended'))
    stop.removeEventListener('abort', onStop)
    await Promise.allSettled([contending])
    await stores.stop()
  }
}

async function untilLeading(leads: Promise<undefined>, stop: AbortSignal): Promise<void> {
  const deadline = { clock: systemClock, ms: LEAD_MS, what: 'becoming the leader', parent: stop }
  try {
    await withDeadline(deadline, () => leads)
  } catch (thrown) {
    if (!(thrown instanceof DeadlineError)) throw thrown
    throw new OperatorError('another MIC leads and would undo the drain: scale its Deployment to 0 first', {
      cause: thrown,
    })
  }
}
