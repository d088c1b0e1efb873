import { VaultError } from '../../azure/vault-error.ts'
import type { Clock } from '../../base/clock.ts'
import type { VaultMemory } from './memory.ts'
import type { Outages } from './outages.ts'
import type { Answer, Question, VaultSource } from './question.ts'
import { TurnedAway } from './turned-away.ts'

interface Known {
  readonly memory: Pick<VaultMemory, 'recall'>
  readonly outages: Pick<Outages, 'alarm'>
}

/**
 * When the vault does not answer or throttles, who asked for it gets what the same reader read before, as long as it
 * is not older than it wants; without a wait once the vault is known to be down, as a mount of many objects would not
 * survive a wait for each. A refusal is never answered with an older value.
 */
export function lastKnownGood(inner: VaultSource, { memory, outages }: Known, clock: Clock): VaultSource {
  function held(question: Question): Answer | undefined {
    const { lastKnownGoodMs } = question.context
    const known = lastKnownGoodMs > 0 ? memory.recall(question) : undefined
    if (known === undefined || clock.monotonic() - known.sentAt > lastKnownGoodMs) return undefined
    return { ...known, source: 'last_known_good' }
  }

  return {
    async ask(question, signal, sending) {
      // What is made of the alarm is free only when nobody listens to it any more: who does, below, has to leave.
      const patience =
        held(question) === undefined
          ? signal
          : AbortSignal.any([signal, outages.alarm(question.context.origin)])
      try {
        return await inner.ask(question, patience, sending)
      } catch (thrown) {
        if (signal.aborted || !isDown(thrown)) throw thrown
        const known = held(question)
        if (known === undefined) throw thrown
        return known
      }
    },
  }
}

/** A node that has too much to read says nothing about the vault. */
function isDown(thrown: unknown): boolean {
  if (thrown instanceof TurnedAway) return thrown.byVault
  return thrown instanceof VaultError && (thrown.kind === 'unavailable' || thrown.kind === 'throttled')
}
