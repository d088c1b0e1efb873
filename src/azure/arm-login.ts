import { ClientSecretCredential, ManagedIdentityCredential } from '@azure/identity'
import { parseManagedIdentityId } from '../model/resource-id.ts'
import type { ArmLogin } from './arm.ts'
import type { ArmCredential } from './cloud-config.ts'
import { type Cloud, isKnownAuthority } from './clouds.ts'
import { readClaims } from './token-claims.ts'

/** The part of an SDK credential that is used. */
export interface TokenCredentialLike {
  getToken(
    scopes: string | string[],
    options?: object,
  ): Promise<{ token: string; expiresOnTimestamp: number } | null>
}

/** A credential that remembers whose tokens it got, so that MIC never takes its own identity off a node. */
export interface LearningCredential extends TokenCredentialLike {
  login(): ArmLogin
}

export function createLogin(credential: ArmCredential, cloud: Cloud): LearningCredential {
  const inner = sdkCredential(credential, cloud)
  let login: ArmLogin = { clientId: configuredClientId(credential), objectId: '', resourceId: '' }
  return {
    login: () => login,
    async getToken(scopes, options) {
      const token = await inner.getToken(scopes, options)
      if (token !== null) login = loginOf(token.token, login)
      return token
    },
  }
}

function sdkCredential(credential: ArmCredential, cloud: Cloud): TokenCredentialLike {
  switch (credential.kind) {
    case 'managed-identity': {
      const { id } = credential
      if (id === '') return new ManagedIdentityCredential()
      return parseManagedIdentityId(id) === undefined
        ? new ManagedIdentityCredential({ clientId: id })
        : new ManagedIdentityCredential({ resourceId: id })
    }
    case 'secret':
    default:
      return new ClientSecretCredential(
        credential.tenantId,
        credential.clientId,
        credential.secret.reveal(),
        {
          authorityHost: cloud.loginOrigin,
          // Only the built-in clouds are in Microsoft's list of instances.
          disableInstanceDiscovery: !isKnownAuthority(cloud.loginOrigin),
        },
      )
  }
}

function configuredClientId(credential: ArmCredential): string {
  if (credential.kind === 'secret') return credential.clientId
  return parseManagedIdentityId(credential.id) === undefined ? credential.id : ''
}

function loginOf(token: string, before: ArmLogin): ArmLogin {
  const claims = readClaims(token)
  if (claims === undefined) return before
  return {
    clientId: claims.clientId === '' ? before.clientId : claims.clientId,
    objectId: claims.objectId,
    // The system-assigned identity's is the VM itself, which no AzureIdentity can name.
    resourceId: parseManagedIdentityId(claims.resourceId)?.canonical ?? '',
  }
}
