import { createHash } from 'node:crypto'
import type { Item, Shelf, Vault } from '../vault/vault-state.ts'
import type { AzureState } from './azure-state.ts'
import type { Compute } from './compute.ts'
import { typeOf } from './identity-block.ts'

/**
 * The state as plain JSON in a fixed order: two emulators in the same state give equal texts. Secret
 * values appear as hashes; times, ids of operations and lags do not appear.
 */
export function dumpState(state: AzureState): Record<string, unknown> {
  return {
    tenant: state.tenant,
    subscriptions: sorted(state.subscriptions, ({ id, name }) => ({ id, name })),
    apps: sorted(state.apps, ({ objectId, name, federated, roles }) => ({
      objectId,
      name,
      federated: sorted(federated, ({ issuer, subject, audiences }) => ({ issuer, subject, audiences })),
      roles,
    })),
    identities: sorted(state.identities, (identity) => ({
      id: identity.id,
      clientId: identity.clientId,
      principalId: identity.principalId,
      location: identity.location,
      tags: identity.tags,
      federated: sorted(identity.federated, ({ issuer, subject, audiences }) => ({
        issuer,
        subject,
        audiences,
      })),
      roles: identity.roles,
    })),
    computes: sorted(state.computes, dumpCompute),
    vaults: sorted(state.vaults, dumpVault),
  }
}

function sorted<Value>(
  map: ReadonlyMap<string, Value>,
  show: (value: Value) => unknown,
): Record<string, unknown> {
  const entries = [...map].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, value]) => [key, show(value)]))
}

function dumpCompute(compute: Compute): Record<string, unknown> {
  return {
    id: compute.id,
    kind: compute.kind,
    provisioningState: compute.provisioningState,
    orchestration: compute.orchestration,
    memberOf: compute.memberOf ?? null,
    identity: {
      type: typeOf(compute.identity),
      userAssignedIdentities: sorted(compute.identity.user, (each) => each),
    },
    imds: sorted(compute.imds, ({ clientId, principalId }) => ({ clientId, principalId })),
    instances: sorted(compute.instances, ({ computerName }) => computerName),
  }
}

function dumpVault(vault: Vault): Record<string, unknown> {
  return {
    name: vault.name,
    rbac: vault.rbac,
    access: vault.access,
    secrets: dumpShelf(vault.secrets, ({ value, contentType, managed }) => ({
      valueSha256: createHash('sha256').update(value).digest('hex'),
      contentType: contentType ?? null,
      managed,
    })),
    keys: dumpShelf(vault.keys, ({ kty, operations, managed }) => ({ kty, operations, managed })),
    certificates: dumpShelf(vault.certificates, ({ der }) => createHash('sha256').update(der).digest('hex')),
  }
}

function dumpShelf<Content>(
  shelf: Shelf<Content>,
  show: (content: Content) => unknown,
): Record<string, unknown> {
  const item = (each: Item<Content>): unknown =>
    each.versions.map(({ enabled, tags, content }) => ({ enabled, tags, content: show(content) }))
  return {
    items: sorted(shelf.items, item),
    deleted: sorted(shelf.deleted, ({ item: each }) => item(each)),
  }
}
