import type { KeyVaultClient } from '../../azure/key-vault-client.ts'
import { VaultError, type VaultErrorKind } from '../../azure/vault-error.ts'
import type { VaultShelf } from '../../azure/vault-objects.ts'
import type { Clock } from '../../base/clock.ts'
import type { Held, Question, VaultSource } from './question.ts'

/** How one exchange with a vault ended; `abandoned`: nobody waited any longer. */
export type RequestOutcome = 'ok' | 'abandoned' | VaultErrorKind

export interface VaultRequest {
  readonly shelf: VaultShelf
  readonly name: string
  readonly outcome: RequestOutcome
  readonly seconds: number
}

/** The client as a source: one question is one exchange, counted and timed; so is a list, however many pages it has. */
export function measured(
  client: Pick<KeyVaultClient, 'object' | 'versions'>,
  clock: Clock,
  observe: (request: VaultRequest) => void,
): VaultSource {
  return {
    async ask(question, signal, sending) {
      const sentAt = clock.monotonic()
      const readAt = clock.now()
      const { shelf, name } = question
      const report = (outcome: RequestOutcome): void =>
        observe({ shelf, name, outcome, seconds: (clock.monotonic() - sentAt) / 1000 })
      sending?.()
      try {
        const value = await exchange(client, question, signal)
        report('ok')
        return { value, source: 'vault', sentAt, readAt }
      } catch (thrown) {
        report(outcomeOf(thrown, signal))
        throw thrown
      }
    },
  }
}

function exchange(
  client: Pick<KeyVaultClient, 'object' | 'versions'>,
  { context, shelf, name, version }: Question,
  signal: AbortSignal,
): Promise<Held> {
  if (version === undefined) return client.versions(context, { shelf, name }, signal)
  return client.object(context, { shelf, name, version }, signal)
}

function outcomeOf(thrown: unknown, signal: AbortSignal): RequestOutcome {
  if (thrown instanceof VaultError) return thrown.kind
  return signal.aborted ? 'abandoned' : 'unavailable'
}
