import { VaultError } from '../../azure/vault-error.ts'

/** No turn at the vault: nothing was sent. */
export class TurnedAway extends VaultError {
  /** True when the pod that asked used up its own share, which is no reason against others. */
  readonly ownShare: boolean
  /** True when the vault had asked to wait; otherwise this node has more reads than it gives turns for. */
  readonly byVault: boolean

  constructor(
    message: string,
    details: { retryAfterSeconds: number; ownShare: boolean; byVault: boolean; cause?: unknown },
  ) {
    super('throttled', message, details)
    this.ownShare = details.ownShare
    this.byVault = details.byVault
  }
}
