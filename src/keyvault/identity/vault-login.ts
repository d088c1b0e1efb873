import type { SecretString } from '../../base/secret.ts'

/** How the pod of a mount logs in to its vault: exactly one way, with all that it needs. */
export type VaultLogin = {
  /** Token resource of Key Vault in this cloud, such as `https://vault.azure.net`. */
  readonly resource: string
} & (
  | { readonly kind: 'pod-identity'; readonly pod: { readonly namespace: string; readonly name: string } }
  | ({ readonly kind: 'workload-identity'; readonly assertion: SecretString } & EntraTarget)
  | { readonly kind: 'vm-identity'; readonly clientId?: string }
  | ({ readonly kind: 'service-principal'; readonly secret: SecretString } & EntraTarget)
)

interface EntraTarget {
  /** Authority, an https origin. */
  readonly loginOrigin: string
  readonly tenantId: string
  readonly clientId: string
}

/** A token for Key Vault, and whose it is. */
export interface VaultToken {
  readonly value: SecretString
  /**
   * Whose eyes see what this token opens: authority, tenant and object id as far as the token tells, else a hash
   * of the token. What one reader key has read is never shown to another.
   */
  readonly reader: string
  /** For messages: `pod identity with client id 5a0b0c0d-..., object id ...`. Ids are whole: people paste them. */
  readonly who: string
  /** Object id, for `az` commands; empty when the token does not tell. */
  readonly objectId: string
}

/** What the mount asks for tokens. */
export interface VaultTokens {
  /** @throws MountFailure `identity-refused` or `identity-unavailable`; the signal's reason when it aborts */
  token(login: VaultLogin, signal: AbortSignal): Promise<VaultToken>
  /** The vault did not accept this token: the next `token` of the login asks anew. */
  refused(login: VaultLogin, token: VaultToken): void
}
