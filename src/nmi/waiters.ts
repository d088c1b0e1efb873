import type { Clock } from '../base/clock.ts'

/** Requests that wait for something to change. They wake on events, never on a timer. */
export interface Waiters {
  /**
   * Resolves to `changed` at the next wake of one of the keys, or to `timeout` after `ms` milliseconds.
   * @throws the signal's reason when it aborts.
   */
  wait(key: string, ms: number, signal: AbortSignal): Promise<'changed' | 'timeout'>
  wake(key: string): void
  wakeAll(): void
  readonly size: number
}

export function createWaiters(clock: Clock): Waiters {
  const byKey = new Map<string, Set<() => void>>()
  let size = 0
  const wakeSet = (set: Set<() => void> | undefined): void => {
    if (set !== undefined) for (const wake of set) wake()
  }
  return {
    async wait(key, ms, signal) {
      signal.throwIfAborted()
      const { promise, resolve, reject } = Promise.withResolvers<'changed' | 'timeout'>()
      const wake = (): void => resolve('changed')
      const onAbort = (): void => reject(signal.reason as Error)
      const timer = clock.after(ms, () => resolve('timeout'))
      const set = byKey.get(key) ?? new Set()
      byKey.set(key, set.add(wake))
      signal.addEventListener('abort', onAbort, { once: true })
      size += 1
      try {
        return await promise
      } finally {
        size -= 1
        timer.cancel()
        signal.removeEventListener('abort', onAbort)
        set.delete(wake)
        if (set.size === 0 && byKey.get(key) === set) byKey.delete(key)
      }
    },
    wake: (key) => wakeSet(byKey.get(key)),
    wakeAll() {
      for (const set of byKey.values()) wakeSet(set)
    },
    get size() {
      return size
    },
  }
}

export function podWaitKey(podKey: string): string {
  return `pod ${podKey}`
}

export function addressWaitKey(address: string): string {
  return `address ${address}`
}
