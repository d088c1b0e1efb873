/** What Entra and the managed identity provider keep. */

export interface FederatedCredential {
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** Monotonic milliseconds of the last write: it takes a while until all servers know. */
  readonly writtenMs: number
}

export interface RoleAssignment {
  /** Action patterns: `Microsoft.Compute/virtualMachines/write`, `Microsoft.ManagedIdentity/*`. */
  readonly actions: readonly string[]
  /** Lower-case id of the scope; the empty text is everything. */
  readonly scope: string
}

export interface Application {
  readonly clientId: string
  readonly objectId: string
  readonly name: string
  readonly secrets: { readonly value: string; readonly expiresAtMs?: number }[]
  /** PEM. */
  readonly certificates: string[]
  readonly federated: Map<string, FederatedCredential>
  roles: RoleAssignment[]
}

export interface ManagedIdentity {
  readonly id: string
  /** Lower-case id. */
  readonly key: string
  readonly subscription: string
  readonly group: string
  readonly name: string
  location: string
  tags: Readonly<Record<string, string>>
  readonly clientId: string
  readonly principalId: string
  readonly createdMs: number
  /** By lower-case name. */
  readonly federated: Map<string, FederatedCredential>
  roles: RoleAssignment[]
  /** A write of a federated credential is under way. */
  writing: boolean
}
