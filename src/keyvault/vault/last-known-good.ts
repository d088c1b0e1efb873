import { VaultError } from '../../azure/vault-error.ts'
import type { Clock } from '../../base/clock.ts'
import type { VaultMemory } from './memory.ts'
import type { VaultSource } from './question.ts'
import { TurnedAway } from './turned-away.ts'

/**
 * When the vault does not answer or throttles, who asked for it gets what the same reader read before, as long as it
 * is not older than it wants. A refusal is never answered with an older value.
 */
export function lastKnownGood(inner: VaultSource, memory: VaultMemory, clock: Clock): VaultSource {
  return {
    async ask(question, signal, sending) {
      try {
        return await inner.ask(question, signal, sending)
      } catch (thrown) {
        if (!(thrown instanceof VaultError) || !isDown(thrown)) throw thrown
        const { lastKnownGoodMs } = question.context
        const held = lastKnownGoodMs > 0 ? memory.recall(question) : undefined
        if (held === undefined || clock.monotonic() - held.sentAt > lastKnownGoodMs) throw thrown
        return { ...held, source: 'last_known_good' }
      }
    },
  }
}

/** A node that has too much to read says nothing about the vault. */
function isDown(error: VaultError): boolean {
  if (error instanceof TurnedAway) return error.byVault
  return error.kind === 'unavailable' || error.kind === 'throttled'
}
