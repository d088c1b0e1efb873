import { httpsOrigin, isKnownAuthority } from '../azure/clouds.ts'
import type { EntraRequest } from '../azure/entra-client.ts'
import { errorText } from '../base/errors.ts'
import { objectKey } from '../model/names.ts'
import type { AzureIdentity, Secret, SecretReference } from '../model/resources.ts'
import { SecretForbiddenError, type SecretReader } from './secret-reader.ts'
import { TokenError, type TokenRequest } from './token-source.ts'

export interface AuthorityRules {
  /** Authority for identities without `adEndpoint`, an https origin. */
  readonly loginOrigin: string
  /** `--forceNamespaced`: every identity keeps to its namespace. */
  readonly forceNamespaced: boolean
}

/** Where a service principal asks, without its credential. @throws TokenError `token-denied` */
export function entraTarget(
  request: TokenRequest,
  identity: AzureIdentity,
  rules: AuthorityRules,
): Omit<EntraRequest, 'credential'> {
  if (identity.clientId === '') throw new TokenError('token-denied', 'the AzureIdentity has no clientID')
  const origin = authorityOf(identity, rules)
  return {
    origin,
    tenantId: tenantOf(request, identity),
    clientId: identity.clientId,
    resource: request.resource,
  }
}

function authorityOf(identity: AzureIdentity, rules: AuthorityRules): string {
  if (identity.adEndpoint.trim() === '') return rules.loginOrigin
  const origin = httpsOrigin(identity.adEndpoint)
  if (origin !== undefined) return origin
  throw new TokenError('token-denied', 'adEndpoint of the AzureIdentity is not a plain https address')
}

/** A caller's tenant is taken only if the AzureIdentity lists it. */
function tenantOf(request: TokenRequest, identity: AzureIdentity): string {
  const wanted = request.tenantId ?? identity.tenantId
  const allowed = [identity.tenantId, ...identity.auxiliaryTenantIds].map((tenant) => tenant.toLowerCase())
  if (wanted === '') throw new TokenError('token-denied', 'the AzureIdentity has no tenantID')
  if (allowed.includes(wanted.toLowerCase())) return wanted
  throw new TokenError('token-denied', 'the tenant is not listed in the AzureIdentity')
}

/**
 * The Secret of a service principal, if this identity may use it for this authority. Whoever may create
 * an AzureIdentity may not read every Secret of the cluster, so a Secret of another namespace is not used
 * by a namespaced identity, and is never sent to an address that only the AzureIdentity names.
 * @throws TokenError `secret-unusable`, `secret-forbidden`, `upstream-unavailable` when the API server does not answer
 */
export async function credentialSecret(
  use: { readonly identity: AzureIdentity; readonly origin: string; readonly rules: AuthorityRules },
  secrets: SecretReader,
  signal: AbortSignal,
): Promise<Secret> {
  const { identity } = use
  const reference = identity.clientPassword
  if (reference === undefined || reference.name === '')
    throw new TokenError('secret-unusable', 'the AzureIdentity names no Secret in clientPassword')
  const key = objectKey(reference.namespace, reference.name)
  checkReach(use, reference)
  const secret = await read(secrets, reference, signal)
  if (secret === undefined) throw new TokenError('secret-unusable', `Secret ${key} does not exist`)
  return secret
}

async function read(
  secrets: SecretReader,
  reference: SecretReference,
  signal: AbortSignal,
): Promise<Secret | undefined> {
  try {
    return await secrets.secret(reference, signal)
  } catch (thrown) {
    if (signal.aborted) throw signal.reason
    const key = objectKey(reference.namespace, reference.name)
    const text = `Secret ${key} cannot be read: ${errorText(thrown)}`
    const code = thrown instanceof SecretForbiddenError ? 'secret-forbidden' : 'upstream-unavailable'
    throw new TokenError(code, text, { cause: thrown })
  }
}

function checkReach(
  use: { readonly identity: AzureIdentity; readonly origin: string; readonly rules: AuthorityRules },
  reference: SecretReference,
): void {
  const { identity, origin, rules } = use
  if (reference.namespace === identity.namespace) return
  const key = objectKey(reference.namespace, reference.name)
  if (identity.namespaced || rules.forceNamespaced)
    throw new TokenError(
      'secret-unusable',
      `Secret ${key} is not in the namespace of the namespaced AzureIdentity`,
    )
  if (origin !== rules.loginOrigin && !isKnownAuthority(origin))
    throw new TokenError(
      'secret-unusable',
      `Secret ${key} is in another namespace than the AzureIdentity and is not sent to its own adEndpoint`,
    )
}
