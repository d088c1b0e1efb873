import type { ServerUnaryCall } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { DeadlineError } from '../../base/deadline.ts'

/** Kubelet waits two minutes for a volume; a driver that says no deadline gets as much. */
const LONGEST_MS = 120_000

/**
 * How long before the deadline a mount is told to end, so that podid's own reason reaches kubelet instead of
 * `context deadline exceeded`: time to give up what is open and to send the answer. Of short deadlines a quarter.
 */
const MARGIN_MS = 3_000

/** The driver closed the call or its connection: nobody reads an answer. */
export class DriverLeftError extends Error {
  override readonly name = 'DriverLeftError'
}

/** How long one call may take, and what ends it earlier. Its owner closes it. */
export interface MountLimit {
  /** Aborts with a DeadlineError, a DriverLeftError, or the reason given to `abort`. */
  readonly signal: AbortSignal
  /** Rejects with the signal's reason when whoever heeds the signal had time to give a better one, and did not. */
  readonly overdue: Promise<never>
  abort(reason: Error): void
  close(): void
}

export function createMountLimit<Request, Answer>(
  call: ServerUnaryCall<Request, Answer>,
  clock: Clock,
): MountLimit {
  const left = Math.min(LONGEST_MS, Number(call.getDeadline()) - clock.now())
  const marginMs = Math.max(0, Math.min(MARGIN_MS, left / 4))
  const deadlineMs = Math.round(Math.max(0, left - marginMs))
  const controller = new AbortController()
  const { promise: overdue, reject } = Promise.withResolvers<never>()
  // Nobody may be waiting any more when it rejects.
  overdue.catch(() => {})
  const end = (reason: Error, graceMs: number): void => {
    controller.abort(reason)
    timer.cancel()
    timer = clock.after(graceMs, () => reject(reason))
  }
  let timer = clock.after(deadlineMs, () => end(new DeadlineError('the mount', deadlineMs), marginMs / 2))
  const onCancelled = (): void => end(new DriverLeftError('the CSI driver no longer waits'), 0)
  call.once('cancelled', onCancelled)
  return {
    signal: controller.signal,
    overdue,
    abort: (reason) => end(reason, 0),
    close() {
      timer.cancel()
      call.removeListener('cancelled', onCancelled)
    },
  }
}
