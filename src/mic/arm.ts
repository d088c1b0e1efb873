import type { ArmLogin, GroupIdentities, IdentityPatch, PresentIdentity } from '../azure/arm.ts'
import type { ComputeGroup, ManagedIdentityId } from '../model/resource-id.ts'

/** What MIC needs of Azure. Every call is bounded by a deadline of its own and by the signal. @throws ArmError */
export interface Arm {
  getGroup(group: ComputeGroup, signal: AbortSignal): Promise<GroupIdentities>
  /** Resolves when the operation is over and succeeded, not when it was accepted. */
  patchIdentities(group: ComputeGroup, patch: IdentityPatch, signal: AbortSignal): Promise<void>
  /** The identity resource itself: is it there, and which principal is it now? */
  getIdentity(id: ManagedIdentityId, signal: AbortSignal): Promise<PresentIdentity>
  login(): ArmLogin
}
