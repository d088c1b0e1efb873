import { VaultError, type VaultErrorKind } from '../../azure/vault-error.ts'
import type { Clock } from '../../base/clock.ts'
import type { VaultMemory } from './memory.ts'
import { isPinned, type VaultSource } from './question.ts'

export interface CacheOptions {
  /** How old the newest version and lists may be for a `poll`, milliseconds. */
  readonly pollMaxAgeMs: number
  /** How long a version by its id is not asked for again by a `poll`, milliseconds. */
  readonly pinnedMaxAgeMs: number
}

/** What the vault says of the object for this reader, rather than of itself or of the token. */
const CONTRADICTIONS: ReadonlySet<VaultErrorKind> = new Set(['forbidden', 'not-found', 'disabled'])

/** Serves repeats from memory, remembers every answer, and forgets what a refusal contradicts. */
export function cached(
  inner: VaultSource,
  memory: VaultMemory,
  options: CacheOptions,
  clock: Clock,
): VaultSource {
  return {
    async ask(question, signal, sending) {
      signal.throwIfAborted()
      const held = memory.recall(question)
      const maxAgeMs = isPinned(question) ? options.pinnedMaxAgeMs : options.pollMaxAgeMs
      const fresh = held !== undefined && clock.monotonic() - held.sentAt <= maxAgeMs
      if (question.context.freshness === 'poll' && fresh) return { ...held, source: 'cache' }
      try {
        const answer = await inner.ask(question, signal, sending)
        memory.keep(question, answer)
        return answer
      } catch (thrown) {
        if (thrown instanceof VaultError && CONTRADICTIONS.has(thrown.kind))
          memory.forget(question, thrown.kind)
        throw thrown
      }
    },
  }
}
