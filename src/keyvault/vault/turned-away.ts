import { VaultError } from '../../azure/vault-error.ts'

/** No turn at the vault: nothing was sent. */
export class TurnedAway extends VaultError {
  /** True when the pod that asked used up its own share, which is no reason against others. */
  readonly ownShare: boolean

  constructor(message: string, details: { retryAfterSeconds: number; ownShare: boolean; cause?: unknown }) {
    super('throttled', message, details)
    this.ownShare = details.ownShare
  }
}
