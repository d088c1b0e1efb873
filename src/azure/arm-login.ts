import { ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential } from '@azure/identity'
import type { Clock } from '../base/clock.ts'
import { parseManagedIdentityId } from '../model/resource-id.ts'
import type { ArmLogin } from './arm.ts'
import { type ClientCertificate, clientAssertion } from './client-assertion.ts'
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

export interface LoginTools {
  readonly clock: Clock
  /** Opens the file of a `certificate` credential; asked for each login, so that a renewed one is used. */
  readonly openCertificate: (
    credential: Extract<ArmCredential, { kind: 'certificate' }>,
  ) => Promise<ClientCertificate>
  /** PEM of a CA to trust instead of the built-in ones. */
  readonly ca?: string
}

export function createLogin(credential: ArmCredential, cloud: Cloud, tools: LoginTools): LearningCredential {
  const inner = sdkCredential(credential, cloud, tools)
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

function sdkCredential(credential: ArmCredential, cloud: Cloud, tools: LoginTools): TokenCredentialLike {
  const authority = {
    authorityHost: cloud.loginOrigin,
    // Only the built-in clouds are in Microsoft's list of instances.
    disableInstanceDiscovery: !isKnownAuthority(cloud.loginOrigin),
    ...(tools.ca === undefined ? {} : { tlsOptions: { ca: tools.ca } }),
  }
  switch (credential.kind) {
    case 'managed-identity': {
      const { id } = credential
      if (id === '') return new ManagedIdentityCredential()
      return parseManagedIdentityId(id) === undefined
        ? new ManagedIdentityCredential({ clientId: id })
        : new ManagedIdentityCredential({ resourceId: id })
    }
    case 'certificate': {
      const { tenantId, clientId } = credential
      const audience = `${cloud.loginOrigin}/${tenantId}/oauth2/v2.0/token`
      const assert = async (): Promise<string> => {
        const certificate = await tools.openCertificate(credential)
        return clientAssertion(certificate, { clientId, audience }, tools.clock).reveal()
      }
      return new ClientAssertionCredential(tenantId, clientId, assert, authority)
    }
    case 'secret':
    default:
      return new ClientSecretCredential(
        credential.tenantId,
        credential.clientId,
        credential.secret.reveal(),
        authority,
      )
  }
}

function configuredClientId(credential: ArmCredential): string {
  if (credential.kind !== 'managed-identity') return credential.clientId
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
