import type { RoleAssignment } from './directory.ts'
import type { IdentityBlock } from './identity-block.ts'

/** One instance of a uniform scale set. */
export interface Instance {
  readonly instanceId: string
  readonly computerName: string
  readonly vmId: string
  /** Source addresses by which the shared IMDS listener knows it. */
  readonly addresses: string[]
}

/** When IMDS knows an identity of a VM or scale set; monotonic milliseconds. */
export interface ImdsView {
  readonly clientId: string
  readonly principalId: string
  readonly id: string
  readonly fromMs: number
  untilMs: number
}

/** A VM or a scale set. */
export interface Compute {
  readonly kind: 'vm' | 'vmss'
  readonly id: string
  /** Lower-case id. */
  readonly key: string
  readonly subscription: string
  readonly group: string
  readonly name: string
  readonly location: string
  readonly tags: Readonly<Record<string, string>>
  /** For a scale set. */
  readonly orchestration: 'Uniform' | 'Flexible'
  readonly upgradeMode: 'Manual' | 'Automatic' | 'Rolling'
  /** For a VM in a flexible scale set: the set's id. */
  readonly memberOf?: string
  readonly vmId: string
  readonly computerName: string
  readonly addresses: string[]
  readonly instances: Map<string, Instance>
  /** Of the system-assigned identity, whether it is on or not. */
  readonly system: {
    readonly principalId: string
    readonly clientId: string
    readonly roles: readonly RoleAssignment[]
  }
  provisioningState: 'Succeeded' | 'Updating' | 'Failed' | 'Deleting' | 'Creating'
  identity: IdentityBlock
  /** What GET shows until `staleUntilMs` (monotonic) when reads lag behind writes. */
  stale?: { readonly identity: IdentityBlock; readonly untilMs: number }
  /** Operation in progress. */
  operation?: string
  /** By lower-case identity id; what IMDS on this VM answers for. */
  readonly imds: Map<string, ImdsView>
  /** The same for the system-assigned identity. */
  imdsSystemFromMs?: number
}
