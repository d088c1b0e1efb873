import * as v from 'valibot'
import type { Clock } from '../../../src/base/clock.ts'
import { plantVault } from '../vault/vault-seeding.ts'
import { type AzureState, nextGeneration } from './azure-state.ts'
import { plantScaleSet, plantVm } from './compute-seeding.ts'
import type { Application, FederatedCredential, ManagedIdentity } from './directory.ts'
import { guidOf } from './guid.ts'
import { IDENTITY_TYPE, resourceId } from './resource-path.ts'
import { roleAssignment } from './roles.ts'
import {
  type Seed,
  type SeedApp,
  type SeedDocument,
  type SeedFederatedCredential,
  type SeedIdentity,
  seedSchema,
} from './seed-document.ts'
import { seedPath } from './seed-path.ts'

/** @throws Error that names the field, when the document is not what the schema says. */
export function readSeed(document: SeedDocument): Seed {
  const result = v.safeParse(seedSchema, document)
  if (result.success) return result.output
  const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? '(document)'}: ${issue.message}`)
  throw new Error(`the seed document is wrong: ${problems.join('; ')}`)
}

/** Adds what a seed document describes. May be called again: what exists already by id is replaced. */
export function plant(state: AzureState, seed: Seed, clock: Clock): void {
  for (const each of seed.subscriptions) {
    const subscription = typeof each === 'string' ? { id: each, name: 'Emulated' } : each
    state.subscriptions.set(subscription.id.toLowerCase(), subscription)
  }
  for (const each of seed.identities) plantIdentity(state, each, clock)
  for (const each of seed.apps) plantApp(state, each)
  for (const each of seed.scaleSets) plantScaleSet(state, each, clock)
  for (const each of seed.vms) plantVm(state, each, clock)
  for (const each of seed.vaults) plantVault(state, each, clock)
}

/** Creates (or recreates, with new ids) a user-assigned identity. */
export function plantIdentity(state: AzureState, seed: SeedIdentity, clock: Clock): ManagedIdentity {
  const path = seedPath(state, seed.id, IDENTITY_TYPE)
  const generation = nextGeneration(state, path.key)
  const name = path.names[0] ?? ''
  const identity: ManagedIdentity = {
    id: resourceId(path.subscription, path.group, `Microsoft.ManagedIdentity/userAssignedIdentities/${name}`),
    key: path.key,
    subscription: path.subscription,
    group: path.group,
    name,
    location: seed.location ?? state.region,
    tags: seed.tags,
    clientId: (seed.clientId ?? guidOf(`client ${path.key} ${generation}`)).toLowerCase(),
    principalId: (seed.principalId ?? guidOf(`principal ${path.key} ${generation}`)).toLowerCase(),
    createdMs: clock.monotonic(),
    federated: federatedMap(seed.federatedCredentials),
    roles: seed.roles.map(roleAssignment),
    writing: false,
  }
  state.identities.set(path.key, identity)
  return identity
}

/** Seeded credentials are old: no propagation time applies to them. */
function federatedMap(seeds: readonly SeedFederatedCredential[]): Map<string, FederatedCredential> {
  return new Map(
    seeds.map((seed) => [seed.name.toLowerCase(), { ...seed, writtenMs: Number.NEGATIVE_INFINITY }]),
  )
}

function plantApp(state: AzureState, seed: SeedApp): void {
  const clientId = seed.clientId.toLowerCase()
  const secrets = [...(seed.secret === undefined ? [] : [seed.secret]), ...seed.secrets]
  const app: Application = {
    clientId,
    objectId: (seed.objectId ?? guidOf(`object ${clientId}`)).toLowerCase(),
    name: seed.name ?? clientId,
    secrets: secrets.map((each) =>
      typeof each === 'string' ? { value: each } : { value: each.value, expiresAtMs: each.expires * 1_000 },
    ),
    certificates: [...(seed.certificate === undefined ? [] : [seed.certificate]), ...seed.certificates],
    federated: federatedMap(seed.federatedCredentials),
    roles: (seed.roles ?? [{ role: 'Owner', scope: '' }]).map(roleAssignment),
  }
  state.apps.set(clientId, app)
}
