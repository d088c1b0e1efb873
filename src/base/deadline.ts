import type { Clock } from './clock.ts'

/** Thrown as the abort reason when a deadline passes. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly afterMs: number

  constructor(what: string, afterMs: number) {
    super(`${what} took longer than ${afterMs} ms`)
    this.afterMs = afterMs
  }
}

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds or together with `parent`.
 * The timer and the listener are gone when the promise settles.
 * @throws DeadlineError when the time is up; the parent's reason when the parent aborts first.
 */
export async function withDeadline<T>(
  options: { clock: Clock; ms: number; what: string; parent?: AbortSignal | undefined },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, ms, what, parent } = options
  parent?.throwIfAborted()
  const controller = new AbortController()
  const onParent = (): void => controller.abort(parent?.reason)
  parent?.addEventListener('abort', onParent, { once: true })
  const timer = clock.after(ms, () => controller.abort(new DeadlineError(what, ms)))
  try {
    return await Promise.race([work(controller.signal), rejectOnAbort(controller.signal)])
  } finally {
    timer.cancel()
    parent?.removeEventListener('abort', onParent)
  }
}

/** A promise that never resolves and rejects with the signal's reason when it aborts. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason as Error)
  else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  return promise
}

/**
 * Waits for what others may wait for too: it goes on when this signal aborts. The listener is gone when the promise settles.
 * @throws the signal's reason when it aborts first
 */
export async function waitUnder<T>(signal: AbortSignal, shared: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([shared, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Resolves after `ms` milliseconds of the clock. @throws the signal's reason when it aborts first. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  const timer = clock.after(ms, () => resolve(undefined))
  const onAbort = (): void => reject(signal?.reason as Error)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

/** Resolves when the signal aborts. What listens keeps the process alive meanwhile. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<undefined>()
  signal.addEventListener('abort', () => resolve(undefined), { once: true })
  await promise
}
