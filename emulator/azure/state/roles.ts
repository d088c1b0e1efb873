import type { RoleAssignment } from './directory.ts'
import type { SeedRole } from './seed-document.ts'

const READ_ALL = ['*/read']

/** Actions of the built-in roles that matter here, by name. */
const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  Owner: ['*'],
  Contributor: ['*'],
  Reader: READ_ALL,
  'Virtual Machine Contributor': [
    'Microsoft.Compute/virtualMachines/*',
    'Microsoft.Compute/virtualMachineScaleSets/*',
    'Microsoft.Compute/locations/*',
  ],
  'Managed Identity Operator': [
    'Microsoft.ManagedIdentity/userAssignedIdentities/read',
    'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
  ],
  'Managed Identity Contributor': [
    'Microsoft.ManagedIdentity/userAssignedIdentities/read',
    'Microsoft.ManagedIdentity/userAssignedIdentities/write',
    'Microsoft.ManagedIdentity/userAssignedIdentities/delete',
    'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*',
  ],
  'Key Vault Secrets User': [
    'Microsoft.KeyVault/vaults/secrets/getSecret/action',
    'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
  ],
  'Key Vault Crypto User': ['Microsoft.KeyVault/vaults/keys/*'],
  'Key Vault Certificate User': [
    'Microsoft.KeyVault/vaults/certificates/read',
    'Microsoft.KeyVault/vaults/secrets/getSecret/action',
    'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
    'Microsoft.KeyVault/vaults/keys/read',
  ],
  'Key Vault Reader': [...READ_ALL, 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'],
  'Key Vault Administrator': ['Microsoft.KeyVault/vaults/*'],
}

/** @throws RangeError for a role that is not known and for one with neither name nor actions. */
export function roleAssignment(seed: SeedRole): RoleAssignment {
  const actions = seed.actions ?? BUILT_IN[seed.role ?? '']
  if (actions === undefined)
    throw new RangeError(
      `unknown role '${seed.role ?? ''}'; known: ${Object.keys(BUILT_IN).join(', ')}; or give actions`,
    )
  return { actions, scope: seed.scope.toLowerCase().replace(/\/+$/, '') }
}

/** Whether an assignment allows an action on a scope (a resource id, any case). */
export function allows(roles: readonly RoleAssignment[], action: string, scope: string): boolean {
  const where = scope.toLowerCase()
  return roles.some(
    (role) =>
      (role.scope === '' || where === role.scope || where.startsWith(`${role.scope}/`)) &&
      role.actions.some((pattern) => actionMatches(pattern, action)),
  )
}

function actionMatches(pattern: string, action: string): boolean {
  const parts = pattern.toLowerCase().split('*')
  const wanted = action.toLowerCase()
  const [first = ''] = parts
  if (parts.length === 1) return wanted === first
  const last = parts.at(-1) ?? ''
  return wanted.startsWith(first) && wanted.endsWith(last) && wanted.length >= first.length + last.length
}
