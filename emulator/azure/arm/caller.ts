import type { TokenFault, TokenOffice } from '../entra/access-tokens.ts'
import { type Exchange, headerOf } from '../http/exchange.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { RoleAssignment } from '../state/directory.ts'
import { allows } from '../state/roles.ts'
import { refuseArm } from './arm-errors.ts'

/** Who an ARM request's token is for, and what that principal may do. */
export interface Caller {
  readonly clientId: string
  readonly objectId: string
  readonly roles: readonly RoleAssignment[]
}

const AUDIENCES = new Set([
  'https://management.azure.com',
  'https://management.core.windows.net',
  'https://management.localhost',
])

const FAULT_TEXT: Readonly<Record<TokenFault | 'missing' | 'audience', readonly [string, string]>> = {
  missing: ['AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing."],
  malformed: ['InvalidAuthenticationToken', 'The access token is invalid.'],
  signature: [
    'InvalidAuthenticationToken',
    'The access token is from the wrong issuer or its signature is invalid.',
  ],
  'not-yet': ['InvalidAuthenticationToken', 'The access token is not valid yet.'],
  expired: [
    'ExpiredAuthenticationToken',
    'The access token expiry UTC time is earlier than current UTC time.',
  ],
  audience: [
    'InvalidAuthenticationToken',
    'The access token has been obtained for wrong audience or resource.',
  ],
}

/** Verifies the bearer token. @throws Refused 401 with ARM's challenge */
export async function authenticateCaller(
  exchange: Exchange,
  deps: { state: AzureState; office: TokenOffice; nowMs: number },
): Promise<Caller> {
  const { tenant } = deps.state
  const refuse = (fault: keyof typeof FAULT_TEXT): never => {
    const [code, message] = FAULT_TEXT[fault]
    const authority = `https://login.windows.net/${tenant.id}`
    return refuseArm(
      { status: 401, code, message },
      {
        'www-authenticate': `Bearer authorization_uri="${authority}", error="invalid_token", error_description="${message.replaceAll('"', "'")}"`,
      },
    )
  }
  const match = /^Bearer (\S+)$/i.exec(headerOf(exchange.headers, 'authorization'))
  if (match?.[1] === undefined) return refuse('missing')
  const token = await deps.office.verify(match[1], deps.nowMs)
  if (typeof token === 'string') return refuse(token)
  if (token.issuer !== deps.office.issuer) return refuse('signature')
  const audience = token.audience.replace(/\/+$/, '').toLowerCase()
  if (!AUDIENCES.has(audience) && audience !== `https://${exchange.host}`) return refuse('audience')
  return { clientId: token.clientId, objectId: token.objectId, roles: rolesOf(deps.state, token.objectId) }
}

function rolesOf(state: AzureState, objectId: string): readonly RoleAssignment[] {
  for (const app of state.apps.values()) if (app.objectId === objectId) return app.roles
  for (const identity of state.identities.values())
    if (identity.principalId === objectId) return identity.roles
  for (const { identity, system } of state.computes.values())
    if (identity.system && system.principalId === objectId) return system.roles
  return []
}

/** @throws Refused 403 AuthorizationFailed */
export function requireAction(caller: Caller, action: string, scope: string): void {
  if (allows(caller.roles, action, scope)) return
  refuseArm({
    status: 403,
    code: 'AuthorizationFailed',
    message: `The client '${caller.clientId}' with object id '${caller.objectId}' does not have authorization to perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.`,
  })
}

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'

/** @throws Refused 403 LinkedAuthorizationFailed that names the first identity that the caller may not assign */
export function requireAssign(
  caller: Caller,
  about: { action: string; scope: string },
  identities: readonly string[],
): void {
  const forbidden = identities.filter((id) => !allows(caller.roles, ASSIGN, id))
  if (forbidden.length === 0) return
  refuseArm({
    status: 403,
    code: 'LinkedAuthorizationFailed',
    message: `The client '${caller.clientId}' with object id '${caller.objectId}' has permission to perform action '${about.action}' on scope '${about.scope}'; however, it does not have permission to perform action '${ASSIGN}' on the linked scope(s) '${forbidden.join(',')}' or the linked scope(s) are invalid.`,
  })
}
