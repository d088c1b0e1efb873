/** The identity of a VM or scale set as ARM keeps it. */

/** A user-assigned identity on a resource: the ids it had when it was put there. */
export interface AssignedIdentity {
  /** The spelling that was stored first. */
  readonly id: string
  readonly principalId: string
  readonly clientId: string
}

export interface IdentityBlock {
  readonly system: boolean
  /** By lower-case id. */
  readonly user: ReadonlyMap<string, AssignedIdentity>
}

export const NO_IDENTITY: IdentityBlock = { system: false, user: new Map() }

export type IdentityType = 'None' | 'SystemAssigned' | 'UserAssigned' | 'SystemAssigned, UserAssigned'

export function typeOf(block: IdentityBlock): IdentityType {
  if (block.system) return block.user.size > 0 ? 'SystemAssigned, UserAssigned' : 'SystemAssigned'
  return block.user.size > 0 ? 'UserAssigned' : 'None'
}
