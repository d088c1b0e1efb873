import type { Cloud } from '../../azure/clouds.ts'
import type { VaultLogin } from '../identity/vault-login.ts'
import { MountFailure } from '../mount-failure.ts'
import { quoted } from '../shown.ts'
import type { MountRequest } from './mount-request.ts'
import type { ClassParameters } from './parameters.ts'
import { serviceAccountToken } from './service-account-token.ts'
import { servicePrincipal } from './service-principal.ts'
import { spellingHint } from './spelling.ts'

export interface LoginQuestion {
  readonly request: Pick<MountRequest, 'pod' | 'secrets' | 'serviceAccountTokens'>
  readonly parameters: ClassParameters
  readonly cloud: Cloud
}

/** Drivers are configured with it in every cloud, whatever the cloud's own audience is. */
const PUBLIC_AUDIENCE = 'api://AzureADTokenExchange'

/** Tenant of AD FS, in clouds with an environment file. */
const AD_FS = 'adfs'

const GUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
const DOMAIN = /^(?=.{1,253}$)[\da-z](?:[\da-z-]{0,61}[\da-z])?(?:\.[\da-z](?:[\da-z-]{0,61}[\da-z])?)+$/i

/**
 * The one way in which the pod logs in. A flag that is true decides, and what belongs to other ways is then not looked
 * at; else clientID means workload identity when there is a token, and nodePublishSecretRef a service principal.
 * @throws MountFailure `parameter-invalid`, `identity-mode-missing`, `service-account-token-missing`
 */
export function chooseLogin(question: LoginQuestion): VaultLogin {
  const { request, parameters, cloud } = question
  const resource = cloud.keyVaultResource
  if (resource === '')
    throw new MountFailure(
      'parameter-invalid',
      `the cloud ${cloud.name} names no token resource of Key Vault`,
    )
  switch (parameters.identityFlag) {
    case 'usePodIdentity': {
      const { namespace, name } = request.pod
      return { kind: 'pod-identity', resource, pod: { namespace, name } }
    }
    case 'useVMManagedIdentity':
      return vmIdentity(parameters.userAssignedIdentityId, resource)
    case 'useAzureTokenProxy':
      throw invalid(
        'AzureTokenProxy',
        'useAzureTokenProxy is not supported: identity bindings exist on AKS only. Set it to false and let clientID log in by workload identity (the CSIDriver then needs the audience api://AzureADTokenExchange), or set usePodIdentity',
      )
    case 'none':
      break
  }
  return withCredentials(question, resource)
}

function vmIdentity(clientId: string, resource: string): VaultLogin {
  if (clientId === '') return { kind: 'vm-identity', resource }
  if (GUID.test(clientId)) return { kind: 'vm-identity', resource, clientId }
  throw invalid(
    'VMManagedIdentity',
    `userAssignedIdentityID ${quoted(clientId)} is not the client id of an identity (a GUID)`,
  )
}

/** Workload identity or service principal: what names neither, or lacks its half, is told in the old words. */
function withCredentials({ request, parameters, cloud }: LoginQuestion, resource: string): VaultLogin {
  const { clientId } = parameters
  const principal = servicePrincipal(request.secrets)
  if (clientId !== '' && (request.serviceAccountTokens !== undefined || !principal.found)) {
    const target = entraTarget(cloud, parameters.tenantId, clientId)
    if (!target.hasClient)
      throw invalid('None', `clientID ${quoted(clientId)} is not the client id of an identity (a GUID)`)
    const assertion = serviceAccountToken(request.serviceAccountTokens, audiencesOf(cloud))
    return { kind: 'workload-identity', resource, assertion, ...target.entra }
  }
  if (!principal.found) {
    const hint = spellingHint(parameters.misspelled, 'usePodIdentity', 'useVMManagedIdentity', 'clientID')
    throw new MountFailure(
      'identity-mode-missing',
      wrapped('None', `no identity mode is enabled: ${principal.missing}${hint}`),
    )
  }
  const target = entraTarget(cloud, parameters.tenantId, principal.credentials.clientId)
  // Not shown: it comes from a Secret.
  if (!target.hasClient)
    throw new MountFailure(
      'identity-mode-missing',
      wrapped('None', 'clientid of the nodePublishSecretRef secret is not a client id (a GUID)'),
    )
  return { kind: 'service-principal', resource, secret: principal.credentials.secret, ...target.entra }
}

function audiencesOf(cloud: Cloud): readonly string[] {
  return [...new Set([cloud.exchangeAudience, PUBLIC_AUDIENCE])].filter((audience) => audience !== '')
}

/** Where a client logs in. Ids are checked for the ways that use them alone: old classes hold what they like otherwise. */
function entraTarget(
  cloud: Cloud,
  tenantId: string,
  clientId: string,
): {
  readonly hasClient: boolean
  readonly entra: { readonly loginOrigin: string; readonly tenantId: string; readonly clientId: string }
} {
  const isAdfs = tenantId.toLowerCase() === AD_FS
  if (!isAdfs && !GUID.test(tenantId) && !DOMAIN.test(tenantId))
    throw invalid('None', `tenantID ${quoted(tenantId)} is neither a GUID nor a domain name nor ${AD_FS}`)
  // Applications of AD FS may have other ids than GUIDs.
  const hasClient = isAdfs ? /^[\x21-\x7e]{1,256}$/.test(clientId) : GUID.test(clientId)
  return { hasClient, entra: { loginOrigin: cloud.loginOrigin, tenantId, clientId } }
}

function invalid(mode: string, text: string): MountFailure {
  return new MountFailure('parameter-invalid', wrapped(mode, text))
}

function wrapped(mode: string, text: string): string {
  return `failed to build auth config for mode ${mode}: ${text}`
}
