/** The ways to log in that need something of the cluster or of Azure besides the class. */
import { randomBytes, randomUUID } from 'node:crypto'
import { SERVICE_ACCOUNT_ISSUER } from '../cluster/control-plane.ts'
import { WORKLOAD_AUDIENCE } from './csi-driver.ts'
import type { VaultScene } from './vault-scene.ts'

/**
 * A service account of the namespace, and an identity of Azure that trusts it and may read the vault.
 * @returns parameters for a class
 */
export async function workloadAccount(
  { place, vault, world }: VaultScene,
  name: string,
): Promise<Readonly<Record<string, string>>> {
  await place.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } })
  // Not the name of an identity that pods are bound to.
  const identity = place.absentIdentity(`${name}-account`)
  const credential = {
    name: 'cluster',
    issuer: SERVICE_ACCOUNT_ISSUER,
    subject: `system:serviceaccount:${place.namespace}:${name}`,
    audiences: [WORKLOAD_AUDIENCE],
  }
  world.azure.plant({
    identities: [{ id: identity.id, clientId: identity.clientId, federatedCredentials: [credential] }],
  })
  vault.allow(identity.clientId)
  return { clientID: identity.clientId }
}

/** An application that may read the vault, and a Secret with its credentials. @returns the name of the Secret */
export async function servicePrincipal({ place, vault, world }: VaultScene, name: string): Promise<string> {
  const clientId = randomUUID()
  const secret = randomBytes(24).toString('base64url')
  world.azure.plant({ apps: [{ clientId, name, secret, roles: [] }] })
  vault.allow(clientId)
  await place.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { clientid: clientId, clientsecret: secret },
  })
  return name
}
