import type { Vault } from '../vault/vault-state.ts'
import type { Compute } from './compute.ts'
import type { Application, ManagedIdentity } from './directory.ts'

export interface Tenant {
  readonly id: string
  readonly displayName: string
  readonly domains: readonly string[]
}

/** An asynchronous operation of the compute provider. */
export interface Operation {
  readonly id: string
  /** Lower-case id of the VM or scale set. */
  readonly compute: string
  readonly startedMs: number
  status: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
  endedMs?: number
  error?: { readonly code: string; readonly message: string }
}

/** Everything the small Azure knows. Plain maps; the services hold the rules. */
export interface AzureState {
  readonly tenant: Tenant
  readonly region: string
  /** By lower-case id. */
  readonly subscriptions: Map<string, { readonly id: string; readonly name: string }>
  /** By lower-case client id. */
  readonly apps: Map<string, Application>
  /** By lower-case resource id. */
  readonly identities: Map<string, ManagedIdentity>
  readonly computes: Map<string, Compute>
  readonly operations: Map<string, Operation>
  /** By lower-case name. */
  readonly vaults: Map<string, Vault>
  /** How often a resource of that id was created: a recreated identity has new ids. */
  readonly generations: Map<string, number>
}

/** What a PATCH is to end with, set by a test: `failNextOperations`. */
export interface FailurePlan {
  readonly code: string
  readonly message: string
}

export function emptyState(tenant: Tenant, region: string): AzureState {
  return {
    tenant,
    region,
    subscriptions: new Map(),
    apps: new Map(),
    identities: new Map(),
    computes: new Map(),
    operations: new Map(),
    vaults: new Map(),
    generations: new Map(),
  }
}

/** The next generation number of a resource id, from 1. */
export function nextGeneration(state: AzureState, key: string): number {
  const next = (state.generations.get(key) ?? 0) + 1
  state.generations.set(key, next)
  return next
}

export function identityByClientId(state: AzureState, clientId: string): ManagedIdentity | undefined {
  const wanted = clientId.toLowerCase()
  for (const identity of state.identities.values()) if (identity.clientId === wanted) return identity
  return undefined
}
