import { VaultError } from '../azure/vault-error.ts'
import type { VaultToken } from './identity/vault-login.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder } from './mount-order.ts'
import type { ObjectType, WantedObject } from './wanted-object.ts'

/** The role of Azure RBAC, and the word of access policies, that reading a type needs. */
const RIGHTS: Readonly<Record<ObjectType, { readonly role: string; readonly policy: string }>> = {
  secret: { role: 'Key Vault Secrets User', policy: 'secret' },
  key: { role: 'Key Vault Crypto User', policy: 'key' },
  cert: { role: 'Key Vault Certificate User', policy: 'certificate' },
}

/**
 * What a failed read means to the people who see it: vault, object, identity, and the command that mends it. The
 * beginning is that of the old provider, so that what is written about it is still found.
 */
export function objectFailure(
  thrown: VaultError,
  wanted: WantedObject,
  { vault, login, pod }: Pick<MountOrder, 'vault' | 'login' | 'pod'>,
  token: VaultToken,
): MountFailure {
  const what = `failed to get objectType:${wanted.type}, objectName:${wanted.name}, objectVersion:${wanted.version}`
  const code = thrown.vaultCode === '' ? '' : ` (${thrown.vaultCode})`
  const options = { cause: thrown }
  switch (thrown.kind) {
    case 'forbidden': {
      const by = `the identity of pod ${pod.namespace}/${pod.name}, ${token.who}${accountOf(login, pod)}`
      const text = `${what}: vault ${vault.name} does not let ${by}, read it${code}`
      return new MountFailure(
        'vault-forbidden',
        `${text}. Run: ${grantOf(wanted, vault.name, token)}`,
        options,
      )
    }
    case 'firewall':
      return new MountFailure(
        'vault-firewall',
        `${what}: the firewall of vault ${vault.name} refuses this node${code}`,
        options,
      )
    case 'not-found': {
      const version = wanted.version === '' ? '' : `version ${wanted.version} of `
      const text = `${what}: vault ${vault.name} has no ${version}${wanted.type} ${wanted.name}${code}`
      return new MountFailure('object-not-found', text, options)
    }
    case 'disabled':
      return new MountFailure(
        'object-disabled',
        `${what}: vault ${vault.name}: ${thrown.message}${code}`,
        options,
      )
    case 'refused':
      return new MountFailure(
        'object-unusable',
        `${what}: vault ${vault.name}: ${thrown.message}${code}`,
        options,
      )
    case 'unauthorized':
      return new MountFailure(
        'vault-unauthorized',
        `vault ${vault.name} does not accept the token of ${token.who}: ${thrown.message}`,
        options,
      )
    case 'throttled':
      return new MountFailure(
        'vault-throttled',
        `vault ${vault.name} limits the requests of this node`,
        options,
      )
    case 'unavailable':
      return new MountFailure(
        'vault-unavailable',
        `vault ${vault.name} cannot be read: ${thrown.message}`,
        options,
      )
  }
}

/** True when the vault says of the object itself that it is not there to be read. */
export function isAbsent(thrown: unknown): boolean {
  return thrown instanceof VaultError && (thrown.kind === 'not-found' || thrown.kind === 'disabled')
}

/** People give the role to one service account and run the pod as another. */
function accountOf(login: MountOrder['login'], pod: MountOrder['pod']): string {
  return login.kind === 'workload-identity' ? `, service account ${pod.namespace}/${pod.serviceAccount}` : ''
}

/** `az` for both kinds of vault, by what it told; without an object id there is nothing to paste. */
function grantOf(wanted: WantedObject, vault: string, { objectId }: VaultToken): string {
  const { role, policy } = RIGHTS[wanted.type]
  const id = objectId === '' ? '<object id of the identity>' : objectId
  const rights = wanted.history > 1 ? 'get list' : 'get'
  return (
    `az role assignment create --role "${role}" --assignee-object-id ${id} --assignee-principal-type ServicePrincipal ` +
    `--scope $(az keyvault show --name ${vault} --query id --output tsv), or, where the vault has access policies, ` +
    `az keyvault set-policy --name ${vault} --object-id ${id} --${policy}-permissions ${rights}`
  )
}
