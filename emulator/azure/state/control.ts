import type { Clock } from '../../../src/base/clock.ts'
import { addVersion } from '../vault/shelf.ts'
import type { Vault, VaultAccess, VaultNetwork } from '../vault/vault-state.ts'
import type { AzureState, FailurePlan } from './azure-state.ts'
import type { Compute } from './compute.ts'
import { plantIdentity } from './seeding.ts'

/** What an operator, a colleague or Azure itself does behind the back of the program under test. */
export interface Control {
  /** The next operations on VMs and scale sets end as failures and are rolled back. */
  failNextOperations(count: number, failure: FailurePlan): void
  setProvisioningState(id: string, state: Compute['provisioningState']): void
  /** A VM or scale set is gone, with its IMDS. */
  deleteCompute(id: string): void
  /** An instance leaves a scale set. */
  deleteInstance(id: string, instanceId: string): void
  /** Somebody puts an identity on a VM or scale set by hand. */
  assign(id: string, identity: string): void
  /** Somebody takes an identity off a VM or scale set by hand. */
  unassign(id: string, identity: string): void
  /** Somebody changes the network rules of a vault. */
  setVaultNetwork(vault: string, network: VaultNetwork): void
  /** The owner of a vault sets a secret: a new version of it, or its first. @returns the version */
  setVaultSecret(vault: string, name: string, value: string): string
  /** What a principal may do in a vault from now on, by access policy; without permissions nothing. */
  setVaultAccess(vault: string, principal: string, permissions?: Partial<VaultAccess['permissions']>): void
  /** The identity is deleted; what has it keeps a dead one. */
  deleteIdentity(identity: string): void
  /** Deleted and created again under the same name: new client and principal ids. */
  recreateIdentity(identity: string): { clientId: string; principalId: string }
}

/** @throws RangeError (by each function) when the id is unknown */
export function createControl(state: AzureState, clock: Clock, failures: FailurePlan[]): Control {
  const compute = (id: string): Compute => {
    const found = state.computes.get(id.toLowerCase())
    if (found === undefined) throw new RangeError(`no emulated VM or scale set ${id}`)
    return found
  }
  const identity = (id: string) => {
    const found = state.identities.get(id.toLowerCase())
    if (found === undefined) throw new RangeError(`no emulated identity ${id}`)
    return found
  }
  const vault = (name: string): Vault => {
    const found = state.vaults.get(name.toLowerCase())
    if (found === undefined) throw new RangeError(`no emulated vault ${name}`)
    return found
  }
  return {
    failNextOperations(count, failure) {
      for (let number = 0; number < count; number += 1) failures.push(failure)
    },
    setProvisioningState(id, provisioningState) {
      compute(id).provisioningState = provisioningState
    },
    deleteCompute(id) {
      state.computes.delete(compute(id).key)
    },
    deleteInstance(id, instanceId) {
      if (!compute(id).instances.delete(instanceId))
        throw new RangeError(`no instance ${instanceId} in ${id}`)
    },
    assign(id, identityId) {
      const target = compute(id)
      const { id: spelling, key, clientId, principalId } = identity(identityId)
      const assigned = { id: spelling, clientId, principalId }
      target.identity = { ...target.identity, user: new Map([...target.identity.user, [key, assigned]]) }
      const fromMs = clock.monotonic()
      target.imds.set(key, { ...assigned, fromMs, untilMs: Number.POSITIVE_INFINITY })
    },
    unassign(id, identityId) {
      const target = compute(id)
      const user = new Map(target.identity.user)
      user.delete(identityId.toLowerCase())
      target.identity = { ...target.identity, user }
      target.imds.delete(identityId.toLowerCase())
    },
    setVaultNetwork(name, network) {
      vault(name).network = network
    },
    setVaultSecret(vaultName, name, value) {
      const target = vault(vaultName)
      return addVersion(target.secrets, {
        vault: target.name,
        kind: 'secrets',
        name,
        content: { value, managed: false },
        attributes: {},
        tags: {},
        now: Math.floor(clock.now() / 1_000),
      }).version.version
    },
    setVaultAccess(vaultName, principal, permissions) {
      const target = vault(vaultName)
      const others = target.access.filter((each) => each.principal.toLowerCase() !== principal.toLowerCase())
      const given = { secrets: [], keys: [], certificates: [], ...permissions }
      target.access = permissions === undefined ? others : [...others, { principal, permissions: given }]
    },
    deleteIdentity(id) {
      state.identities.delete(identity(id).key)
    },
    recreateIdentity(id) {
      const { location, tags, key, id: spelling, roles } = identity(id)
      state.identities.delete(key)
      const seed = { id: spelling, location, tags: { ...tags }, federatedCredentials: [], roles: [] }
      const recreated = plantIdentity(state, seed, clock)
      recreated.roles = roles
      return { clientId: recreated.clientId, principalId: recreated.principalId }
    },
  }
}
