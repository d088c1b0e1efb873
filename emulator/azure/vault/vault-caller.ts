import type { TokenOffice } from '../entra/access-tokens.ts'
import { type Exchange, headerOf } from '../http/exchange.ts'
import type { AzureState } from '../state/azure-state.ts'
import { allows } from '../state/roles.ts'
import { refuseVault } from './vault-errors.ts'
import type { Kind, Vault } from './vault-state.ts'

export interface VaultCaller {
  readonly clientId: string
  readonly objectId: string
  readonly resourceId: string
  readonly issuer: string
}

/** The resource that tokens for a vault are for, from the host name that was asked. */
function vaultResource(host: string): string {
  const name = host.replace(/:\d+$/, '')
  const dot = name.indexOf('.')
  const isAddress = dot < 0 || /^[\d.]+$/.test(name)
  return isAddress ? 'https://vault.azure.net' : `https://${name.slice(dot + 1)}`
}

/** Verifies the bearer token. @throws Refused 401 with the challenge that all SDKs can parse */
export async function authenticateVaultCaller(
  exchange: Exchange,
  deps: { state: AzureState; office: TokenOffice; authority: string; nowMs: number },
): Promise<VaultCaller> {
  const resource = vaultResource(exchange.host)
  const challenge = `Bearer authorization="${deps.authority}/${deps.state.tenant.id}", resource="${resource}"`
  const refuse = (message: string): never =>
    refuseVault(401, 'Unauthorized', message, { headers: { 'www-authenticate': challenge } })
  const match = /^Bearer (\S+)$/i.exec(headerOf(exchange.headers, 'authorization'))
  if (match?.[1] === undefined) return refuse('AKV10000: Request is missing a Bearer or PoP token.')
  const token = await deps.office.verify(match[1], deps.nowMs)
  switch (token) {
    case 'malformed':
      return refuse('AKV10001: JWT token is malformed.')
    case 'signature':
      return refuse('AKV10046: Unable to resolve the key used for signature validation.')
    case 'expired':
    case 'not-yet':
      return refuse(`AKV10090: The token is not within its valid time range (${token}).`)
    default:
  }
  if (token.issuer !== deps.office.issuer)
    return refuse(`AKV10032: Invalid issuer. Expected one of ${deps.office.issuer}, found ${token.issuer}.`)
  if (token.audience.replace(/\/+$/, '') !== resource && token.audience !== 'https://vault.azure.net')
    return refuse(`AKV10022: Invalid audience. Expected ${resource}, found: ${token.audience}.`)
  return token
}

const RBAC_NOUN: Readonly<Record<Kind, string>> = {
  secrets: 'Secret',
  keys: 'Key',
  certificates: 'Certificate',
}

/** Names of the reading actions as the built-in roles have them. */
function actionOf(kind: Kind, permission: string): string {
  if (kind === 'secrets') return permission === 'list' ? 'readMetadata/action' : `${permission}Secret/action`
  return permission === 'get' || permission === 'list' ? 'read' : `${permission}${RBAC_NOUN[kind]}/action`
}

export function callerText(caller: VaultCaller): string {
  return `appid=${caller.clientId};oid=${caller.objectId};iss=${caller.issuer}`
}

/** @throws Refused 403 in the words of the vault's permission model */
export function requirePermission(
  caller: VaultCaller,
  vault: Vault,
  wanted: { kind: Kind; permission: string; name: string },
  state: AzureState,
): void {
  const { kind, permission, name } = wanted
  const who = callerText(caller)
  if (hasAccess(caller, vault, kind, permission, state)) return
  if (!vault.rbac)
    refuseVault(
      403,
      'Forbidden',
      `The user, group or application '${who}' does not have ${kind} ${permission} permission on key vault '${vault.name};location=${vault.location}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287`,
      { inner: 'ForbiddenByPolicy' },
    )
  const action = `Microsoft.KeyVault/vaults/${kind}/${actionOf(kind, permission)}`
  if (allows(rolesOf(caller, state), action, `${vault.id}/${kind}/${name}`)) return
  refuseVault(
    403,
    'Forbidden',
    `Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions changed recently, please observe propagation time.\r\nCaller: ${who}\r\nAction: '${action}'\r\nResource: '${vault.id}/${kind}/${name}'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\nVault: ${vault.name};location=${vault.location}\r\n`,
    { inner: 'ForbiddenByRbac' },
  )
}

// oxlint-disable-next-line max-params -- one question
function hasAccess(
  caller: VaultCaller,
  vault: Vault,
  kind: Kind,
  permission: string,
  state: AzureState,
): boolean {
  const identity = state.identities.get(caller.resourceId.toLowerCase())
  const names = [caller.clientId, caller.objectId, caller.resourceId, identity?.name ?? '']
    .filter((name) => name !== '')
    .map((name) => name.toLowerCase())
  return vault.access.some(
    ({ principal, permissions }) =>
      (principal === '*' || names.includes(principal.toLowerCase())) &&
      permissions[kind].some((each) => ['all', '*', permission].includes(each.toLowerCase())),
  )
}

function rolesOf(caller: VaultCaller, state: AzureState) {
  const identity = state.identities.get(caller.resourceId.toLowerCase())
  return identity?.roles ?? state.apps.get(caller.clientId)?.roles ?? []
}
