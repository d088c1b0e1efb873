import { VaultError, type VaultErrorKind } from '../azure/vault-error.ts'
import type { MountFailureCode } from '../model/mount-failures.ts'
import type { VaultToken } from './identity/vault-login.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder } from './mount-order.ts'
import { TurnedAway } from './vault/turned-away.ts'
import type { ObjectType, WantedObject } from './wanted-object.ts'

/** The role of Azure RBAC, and the word of access policies, that reading a type needs. */
const RIGHTS: Readonly<Record<ObjectType, { readonly role: string; readonly policy: string }>> = {
  secret: { role: 'Key Vault Secrets User', policy: 'secret' },
  key: { role: 'Key Vault Crypto User', policy: 'key' },
  cert: { role: 'Key Vault Certificate User', policy: 'certificate' },
}

/** One failed read, and whose it was. */
interface FailedRead {
  readonly error: VaultError
  readonly wanted: WantedObject
  readonly order: Pick<MountOrder, 'vault' | 'login' | 'pod'>
  readonly token: VaultToken
}

/** What each kind is to the reader; `ofObject` ones begin with the object, as the old provider had it. */
const TOLD: Readonly<
  Record<VaultErrorKind, { code: MountFailureCode; ofObject: boolean; text: (read: FailedRead) => string }>
> = {
  forbidden: {
    code: 'vault-forbidden',
    ofObject: true,
    text: (read) => {
      const { error, order, token } = read
      const pod = `${order.pod.namespace}/${order.pod.name}`
      const who = `the identity of pod ${pod}, ${token.who}${accountOf(order)}`
      return `vault ${order.vault.name} does not let ${who}, read it${codeOf(error)}. Run: ${grantOf(read)}`
    },
  },
  firewall: {
    code: 'vault-firewall',
    ofObject: true,
    text: ({ error, order }) =>
      `the firewall of vault ${order.vault.name} refuses the address of the provider${codeOf(error)}`,
  },
  'not-found': {
    code: 'object-not-found',
    ofObject: true,
    text: ({ error, wanted, order }) => {
      const version = wanted.version === '' ? '' : `version ${wanted.version} of `
      return `vault ${order.vault.name} has no ${version}${wanted.type} ${wanted.name}${codeOf(error)}`
    },
  },
  disabled: { code: 'object-disabled', ofObject: true, text: ownWords },
  refused: { code: 'object-unusable', ofObject: true, text: ownWords },
  unauthorized: {
    code: 'vault-unauthorized',
    ofObject: false,
    text: ({ error, order, token }) =>
      `vault ${order.vault.name} does not accept the token of ${token.who}: ${error.message}`,
  },
  throttled: {
    code: 'vault-throttled',
    ofObject: false,
    text: ({ error, order }) =>
      error instanceof TurnedAway && !error.byVault
        ? `vault ${order.vault.name} was not asked: ${error.message}`
        : `vault ${order.vault.name} limits the requests of this node`,
  },
  unavailable: {
    code: 'vault-unavailable',
    ofObject: false,
    text: ({ error, order }) => `vault ${order.vault.name} cannot be read: ${error.message}`,
  },
}

/**
 * What a failed read means to the people who see it: vault, object, identity, and the command that mends it. The
 * beginning is that of the old provider, so that what is written about it is still found.
 */
export function objectFailure(read: FailedRead): MountFailure {
  const { wanted, error } = read
  const { code, ofObject, text } = TOLD[error.kind]
  const what = `failed to get objectType:${wanted.type}, objectName:${wanted.name}, objectVersion:${wanted.version}: `
  return new MountFailure(code, `${ofObject ? what : ''}${text(read)}`, { cause: error })
}

/** True when the failure concerns the whole vault, so that its other objects would fail alike. */
export function isOfVault(failure: MountFailure): boolean {
  return failure.cause instanceof VaultError && !TOLD[failure.cause.kind].ofObject
}

function ownWords({ error, order }: FailedRead): string {
  return `vault ${order.vault.name}: ${error.message}${codeOf(error)}`
}

function codeOf({ vaultCode }: VaultError): string {
  return vaultCode === '' ? '' : ` (${vaultCode})`
}

/** True when the vault says of the object itself that it is not there to be read. */
export function isAbsent(thrown: unknown): boolean {
  return thrown instanceof VaultError && (thrown.kind === 'not-found' || thrown.kind === 'disabled')
}

/** People give the role to one service account and run the pod as another. */
function accountOf({ login, pod }: FailedRead['order']): string {
  return login.kind === 'workload-identity' ? `, service account ${pod.namespace}/${pod.serviceAccount}` : ''
}

/** `az` for the kind of vault that answered, or for both; without an object id there is nothing to paste. */
function grantOf({ error, wanted, order, token }: FailedRead): string {
  const { role, policy } = RIGHTS[wanted.type]
  const vault = order.vault.name
  const id = token.objectId === '' ? '<object id of the identity>' : token.objectId
  const rights = wanted.history > 1 ? 'get list' : 'get'
  const byRole =
    `az role assignment create --role "${role}" --assignee-object-id ${id} --assignee-principal-type ServicePrincipal ` +
    `--scope $(az keyvault show --name ${vault} --query id --output tsv)`
  const byPolicy = `az keyvault set-policy --name ${vault} --object-id ${id} --${policy}-permissions ${rights}`
  if (error.vaultCode === 'ForbiddenByRbac') return byRole
  if (error.vaultCode === 'ForbiddenByPolicy') return byPolicy
  return `${byPolicy}, or, where the vault goes by roles, ${byRole}`
}
