import { trimEnd } from '../base/trim-end.ts'
import { canonicalResourceId } from '../model/resource-id.ts'
import type { AzureIdentity } from '../model/resources.ts'
import type { Principal, TokenRequest } from './token-source.ts'

/**
 * Everything of a principal that decides which token comes back, and through whose credential. Two
 * principals with one key may share a token. JSON keeps the parts apart whatever they hold.
 *
 * For service principals the Secret is a part, and so are the namespace and the `namespaced` mark that
 * decide whether it may be used: without them an AzureIdentity that only names another one's client id
 * would get the token that the other one's Secret earned.
 */
export function principalKey(principal: Principal): string {
  if (principal.kind === 'node') {
    const { clientId = '', resourceId = '', objectId = '' } = principal
    return JSON.stringify(['node', lower(clientId), canonicalId(resourceId), lower(objectId)])
  }
  const { identity } = principal
  const ids = [identity.type, lower(identity.clientId), canonicalId(identity.resourceId)]
  return JSON.stringify(identity.type === 0 ? ids : [...ids, ...credentialKey(identity)])
}

function credentialKey(identity: AzureIdentity): unknown[] {
  const secret = identity.clientPassword
  return [
    lower(identity.tenantId),
    trimEnd(lower(identity.adEndpoint), '/'),
    identity.namespace,
    identity.namespaced,
    secret?.namespace ?? '',
    secret?.name ?? '',
    // Decides which tenants may be asked for at all.
    identity.auxiliaryTenantIds.map(lower),
  ]
}

/** The tenant of a request in the form that is compared; empty for the identity's own. */
export function tenantKey(request: TokenRequest): string {
  if (request.tenantId === undefined || request.principal.kind === 'node') return ''
  const tenant = lower(request.tenantId)
  return tenant === lower(request.principal.identity.tenantId) ? '' : tenant
}

/** Key of one token: the resource counts byte for byte, since SDK caches do so too. */
export function requestKey(request: TokenRequest): string {
  return JSON.stringify([principalKey(request.principal), tenantKey(request), request.resource])
}

/** For logs: first and last four characters, as the old NMI logged client ids. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `${id.slice(0, 4)}...${id.slice(-4)}`
}

function lower(text: string): string {
  return text.trim().toLowerCase()
}

function canonicalId(text: string): string {
  return text.trim() === '' ? '' : canonicalResourceId(text)
}
