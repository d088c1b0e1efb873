/** Ways to log in, tokens and service-account tokens as the Key Vault provider meets them. */
import type { IssuedToken } from '../../src/azure/token-answer.ts'
import { SecretString } from '../../src/base/secret.ts'
import type { VaultLogin } from '../../src/keyvault/identity/vault-login.ts'
import { clientIdOf, TENANT } from './objects.ts'

const LOGIN_ORIGIN = 'https://login.microsoftonline.com'
const VAULT_RESOURCE = 'https://vault.azure.net'

type Of<Kind extends VaultLogin['kind']> = Extract<VaultLogin, { kind: Kind }>

const target = { loginOrigin: LOGIN_ORIGIN, tenantId: TENANT, clientId: clientIdOf('shop') }

/** A JWT without a signature that anybody would accept. */
export function makeJwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`
}

/** As kubelet mints it for the pod `uid` of a service account. */
export function makeAssertion(uid = 'pod-0', account = 'shop:web'): SecretString {
  const claims = {
    iss: 'https://issuer.example/',
    sub: `system:serviceaccount:${account}`,
    aud: ['api://AzureADTokenExchange'],
    uid,
  }
  return new SecretString(makeJwt(claims))
}

/** As Entra or IMDS issued it; lives for an hour unless told. */
export function makeIssued(
  fields: Partial<IssuedToken> & { text?: string; nowMs?: number } = {},
): IssuedToken {
  const { text = 'opaque', nowMs = Date.UTC(2026, 0, 1), ...rest } = fields
  const lifetimeSeconds = rest.lifetimeSeconds ?? 3_600
  return {
    value: new SecretString(text),
    expiresOn: Math.floor(nowMs / 1_000) + lifetimeSeconds,
    notBefore: Math.floor(nowMs / 1_000),
    lifetimeSeconds,
    tokenType: 'Bearer',
    clientId: '',
    ...rest,
  }
}

export function workloadLogin(fields: Partial<Of<'workload-identity'>> = {}): Of<'workload-identity'> {
  return {
    kind: 'workload-identity',
    resource: VAULT_RESOURCE,
    ...target,
    assertion: makeAssertion(),
    ...fields,
  }
}

export function secretLogin(fields: Partial<Of<'service-principal'>> = {}): Of<'service-principal'> {
  return {
    kind: 'service-principal',
    resource: VAULT_RESOURCE,
    ...target,
    secret: new SecretString('s3cret'),
    ...fields,
  }
}

export function vmLogin(clientId?: string): Of<'vm-identity'> {
  return { kind: 'vm-identity', resource: VAULT_RESOURCE, ...(clientId === undefined ? {} : { clientId }) }
}

export function podLogin(name = 'shop-0', namespace = 'default'): Of<'pod-identity'> {
  return { kind: 'pod-identity', resource: VAULT_RESOURCE, pod: { namespace, name } }
}
