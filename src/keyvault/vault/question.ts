import type { VaultObject, VaultShelf, VaultVersion } from '../../azure/vault-objects.ts'
import type { ReadSource } from '../../telemetry/keyvault-metrics.ts'
import type { ReadContext } from './vault-reader.ts'

/** One question of one mount. */
export interface Question {
  readonly context: ReadContext
  readonly shelf: VaultShelf
  readonly name: string
  /** Empty: the newest; undefined: the list of versions. */
  readonly version: string | undefined
}

/** What a vault answers: an object, or the list of its versions. */
export type Held = VaultObject | readonly VaultVersion[]

export interface Answer {
  readonly value: Held
  readonly source: ReadSource
  /** When the request was sent, so never later than the value was read. Monotonic milliseconds. */
  readonly sentAt: number
  /** The same by the wall clock, milliseconds since the epoch. */
  readonly readAt: number
}

/** The way to a vault, in one piece or behind decorators that know nothing of each other. */
export interface VaultSource {
  /**
   * @param sending called each time just before a request leaves for the vault
   * @throws VaultError; the signal's reason when it aborts
   */
  ask(question: Question, signal: AbortSignal, sending?: () => void): Promise<Answer>
}

/** All that one reader knows of one object, whatever its version. Names have no case in Key Vault. */
export function objectKey({ context, shelf, name }: Question): string {
  return JSON.stringify([context.reader, context.origin, shelf, name.toLowerCase()])
}

/** Equal for two questions that one answer serves; never for those of two readers. */
export function questionKey({ context, shelf, name, version }: Question): string {
  return JSON.stringify([
    context.reader,
    context.origin,
    shelf,
    name.toLowerCase(),
    version?.toLowerCase() ?? null,
  ])
}

/** True for a version by its id: what it holds never changes. */
export function isPinned({ version }: Question): boolean {
  return version !== undefined && version !== ''
}
