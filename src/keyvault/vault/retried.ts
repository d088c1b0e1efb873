import { VaultError } from '../../azure/vault-error.ts'
import { createBackoff } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import type { VaultSource } from './question.ts'

export interface RetryOptions {
  /** Tries after the first. */
  readonly retries: number
  /** First pause, milliseconds. */
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * Tries again after 408, 5xx and missing answers. A vault that asks for a longer pause than that is left alone, and
 * throttling is not met with more requests.
 */
export function retried(inner: VaultSource, options: RetryOptions, clock: Clock): VaultSource {
  return {
    async ask(question, signal, sending) {
      const backoff = createBackoff(clock, options)
      for (;;) {
        try {
          return await inner.ask(question, signal, sending)
        } catch (thrown) {
          if (signal.aborted || backoff.attempts >= options.retries || !mayPass(thrown)) throw thrown
          const toldMs = (thrown.retryAfterSeconds ?? 0) * 1000
          if (toldMs > options.maxMs) throw thrown
          await sleep(clock, Math.max(backoff.next(), toldMs), signal)
        }
      }
    },
  }
}

/** True for a vault that did not answer, or said that it cannot just now. */
export function mayPass(thrown: unknown): thrown is VaultError {
  if (!(thrown instanceof VaultError) || thrown.kind !== 'unavailable') return false
  return thrown.status === 0 || thrown.status === 408 || thrown.status >= 500
}
