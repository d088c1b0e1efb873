import type { VaultObject, VaultShelf, VaultVersion } from '../../azure/vault-objects.ts'
import type { SecretString } from '../../base/secret.ts'

/** What one mount asks of a vault, the same for each of its objects. */
export interface ReadContext {
  /** https origin of the vault, without a trailing slash. */
  readonly origin: string
  readonly token: SecretString
  /** Key of `VaultToken.reader`: what is shared is shared within it and never beyond. */
  readonly reader: string
  /** `namespace/name`: pods take turns when the vault is busy. */
  readonly pod: string
  /**
   * `now`: the answer is not older than the question (many who ask at once may share one that began after all of
   * them asked). `poll`: a repeat for files that are there already may be as old as the poll allows, and a pinned
   * version that this reader had is not asked for again.
   */
  readonly freshness: 'now' | 'poll'
  /** How old a value may be that is served while the vault is down; 0: never. Milliseconds. */
  readonly lastKnownGoodMs: number
}

export interface Wanted {
  readonly shelf: VaultShelf
  readonly name: string
  /** Empty: the newest. */
  readonly version: string
}

export interface Read<T> {
  readonly value: T
  /** Set when the vault is down and this is the last known good: milliseconds since the epoch of that read. */
  readonly staleSince?: number
}

/** Reads that pods of this node share: turns, batches, a cache for repeats, and the last known good. */
export interface VaultReader {
  /** @throws VaultError; the signal's reason when it aborts */
  object(context: ReadContext, wanted: Wanted, signal: AbortSignal): Promise<Read<VaultObject>>
  /** All versions, in the vault's order. @throws VaultError; the signal's reason when it aborts */
  versions(
    context: ReadContext,
    of: Omit<Wanted, 'version'>,
    signal: AbortSignal,
  ): Promise<Read<readonly VaultVersion[]>>
}
