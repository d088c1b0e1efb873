/** What the suite of real clients does with an emulated Azure, wherever the pods run. */
import { request } from 'node:https'
import { json } from 'node:stream/consumers'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import * as v from 'valibot'
import type { AzureEmulator } from '../../../emulator/azure/emulator.ts'
import { SUBSCRIPTION } from '../../make/objects.ts'
import type { ClientIdentity, ClientVault, TokenClaims } from './client-cluster.ts'

/** Resource group of the identities of the suite. */
export const APPS = `/subscriptions/${SUBSCRIPTION}/resourceGroups/apps`
export const VAULT_HOST = 'clientvault.vault.azure.net'

/** Adds the vault. */
export function plantVault(azure: AzureEmulator, value: string): ClientVault {
  const secret = 'database-password'
  azure.plant({
    vaults: [{ name: VAULT_HOST.split('.')[0] ?? '', rbac: true, secrets: { [secret]: value } }],
  })
  return { url: `https://${VAULT_HOST}`, secret, value }
}

/** Adds a managed identity that may see the subscription, as `az login` wants it, and read secrets. */
export function plantClientIdentity(azure: AzureEmulator, name: string): ClientIdentity {
  const resourceId = `${APPS}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
  azure.plant({
    identities: [{ id: resourceId, roles: [{ role: 'Reader' }, { role: 'Key Vault Secrets User' }] }],
  })
  const planted = azure.state.identities.get(resourceId.toLowerCase())
  if (planted === undefined) throw new Error(`identity ${name} was not planted`)
  return { name, clientId: planted.clientId, objectId: planted.principalId, resourceId }
}

const claims = v.object({ appid: v.string(), aud: v.string(), exp: v.number() })

/** The claims of a token that this Azure signed, expired or not. @throws Error for any other. */
export async function claimsOf(azure: AzureEmulator, token: string): Promise<TokenClaims> {
  const keys = createLocalJWKSet(await keySet(azure))
  const { payload } = await compactVerify(token, keys)
  return v.parse(claims, JSON.parse(Buffer.from(payload).toString()))
}

async function keySet(azure: AzureEmulator): Promise<JSONWebKeySet> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const url = `${azure.entraUrl}/${azure.tenantId}/discovery/v2.0/keys`
  request(url, { ca: azure.caPem, timeout: 5_000 }, (response) => {
    json(response).then(resolve, reject)
  })
    .on('error', reject)
    .end()
  return (await promise) as JSONWebKeySet
}
