import { timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../../src/base/clock.ts'
import type { AzureState } from '../state/azure-state.ts'
import { identityByClientId } from '../state/azure-state.ts'
import type { Application, ManagedIdentity } from '../state/directory.ts'
import type { Settings } from '../state/settings.ts'
import { aadsts, refuse } from './aadsts.ts'
import type { Principal } from './access-tokens.ts'
import { readAssertion } from './assertion.ts'
import { verifyCertificateAssertion } from './certificate-assertion.ts'
import { type FederationDeps, verifyFederatedAssertion } from './federated-assertion.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export interface AuthenticationDeps extends FederationDeps {
  readonly state: AzureState
  readonly clock: Clock
  readonly settings: Settings
}

/**
 * Who sent this token request: an application with a secret, a certificate or a federated assertion, or
 * a managed identity with a federated assertion.
 * @throws AadstsRefusal
 */
export async function authenticateClient(
  form: URLSearchParams,
  deps: AuthenticationDeps,
  about: { nowMs: number; audiences: readonly string[] },
): Promise<Principal> {
  const clientId = (form.get('client_id') ?? '').toLowerCase()
  if (clientId === '') refuse(aadsts.missingField('client_id'))
  const client = findClient(clientId, deps)
  const assertion = form.get('client_assertion')
  if (assertion !== null) {
    const type = form.get('client_assertion_type') ?? ''
    if (type !== JWT_BEARER) refuse(aadsts.assertionType(type))
    return withAssertion(client, assertion, deps, about)
  }
  const secret = form.get('client_secret')
  if (secret === null) return refuse(aadsts.noCredential())
  return withSecret(client, secret, about.nowMs)
}

type Client = { app: Application; identity?: undefined } | { identity: ManagedIdentity; app?: undefined }

function findClient(clientId: string, deps: AuthenticationDeps): Client {
  const app = deps.state.apps.get(clientId)
  if (app !== undefined) return { app }
  const identity = identityByClientId(deps.state, clientId)
  const age = identity === undefined ? -1 : deps.clock.monotonic() - identity.createdMs
  if (identity === undefined || age < deps.settings.principalLagMs)
    return refuse(aadsts.unknownApp(clientId, deps.state.tenant.displayName))
  return { identity }
}

function withSecret(client: Client, secret: string, nowMs: number): Principal {
  if (client.app === undefined) return refuse(aadsts.wrongSecret(client.identity.clientId))
  const { app } = client
  const match = app.secrets.find((each) => sameText(each.value, secret))
  if (match === undefined) return refuse(aadsts.wrongSecret(app.clientId))
  if (match.expiresAtMs !== undefined && match.expiresAtMs <= nowMs)
    refuse(aadsts.expiredSecret(app.clientId))
  return { clientId: app.clientId, objectId: app.objectId, proof: '1' }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

async function withAssertion(
  client: Client,
  jwt: string,
  deps: AuthenticationDeps,
  about: { nowMs: number; audiences: readonly string[] },
): Promise<Principal> {
  const assertion = readAssertion(jwt)
  if (client.app === undefined) {
    const { identity } = client
    await verifyFederatedAssertion(assertion, [...identity.federated.values()], deps, about.nowMs)
    return {
      clientId: identity.clientId,
      objectId: identity.principalId,
      proof: '2',
      resourceId: identity.id,
    }
  }
  const { app } = client
  // An assertion that names its own signer is the client's; any other is from an external issuer.
  if (assertion.issuer.toLowerCase() === app.clientId || app.federated.size === 0)
    await verifyCertificateAssertion(assertion, app, about)
  else await verifyFederatedAssertion(assertion, [...app.federated.values()], deps, about.nowMs)
  return { clientId: app.clientId, objectId: app.objectId, proof: '2' }
}
