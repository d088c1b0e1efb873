import type { Clock } from '../../../src/base/clock.ts'
import { Refused, type Reply } from '../http/exchange.ts'
import type { Settings } from '../state/settings.ts'
import { vaultReply } from './vault-errors.ts'

const WINDOW_MS = 10_000

export interface TransactionLimit {
  /** Counts one transaction of a vault. @throws Refused 429 */
  take(vault: string): void
  reply(): Reply
}

/** So many transactions per vault in 10 s. */
export function createTransactionLimit(deps: { clock: Clock; settings: Settings }): TransactionLimit {
  const windows = new Map<string, { fromMs: number; count: number }>()
  const reply = (): Reply =>
    vaultReply(
      429,
      'Throttled',
      'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached',
      { headers: deps.settings.vaultRetryAfter ? { 'retry-after': '10' } : {} },
    )
  return {
    reply,
    take(vault) {
      const now = deps.clock.monotonic()
      const held = windows.get(vault)
      const window = held === undefined || now - held.fromMs >= WINDOW_MS ? { fromMs: now, count: 0 } : held
      window.count += 1
      windows.set(vault, window)
      if (window.count > deps.settings.vaultTransactionsPer10s) throw new Refused(reply(), 'Throttled')
    },
  }
}
