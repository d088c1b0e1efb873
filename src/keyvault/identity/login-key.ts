import { assertionClaims } from './assertion-claims.ts'
import { sha256 } from './obtained-token.ts'
import type { VaultLogin } from './vault-login.ts'

/** What tells one login from another. JSON keeps the parts apart whatever they hold. */
export interface LoginKeys {
  /** Everything that decides which token comes back, the credential too: who cannot show it gets no token. */
  readonly exact: string
  /** Logins that fail together: all pods of a service account, whose tokens differ. Equals `exact` for other ways. */
  readonly family: string
}

export function loginKeys(login: VaultLogin): LoginKeys {
  if (login.kind === 'pod-identity')
    return same([login.kind, login.resource, login.pod.namespace, login.pod.name])
  if (login.kind === 'vm-identity')
    return same([login.kind, login.resource, (login.clientId ?? '').toLowerCase()])
  if (login.kind === 'service-principal') return same([...target(login), sha256(login.secret)])
  const hash = sha256(login.assertion)
  const { issuer, subject, audience } = assertionClaims(login.assertion)
  return {
    exact: JSON.stringify([...target(login), hash]),
    family: JSON.stringify([...target(login), issuer, audience, subject === '' ? hash : subject]),
  }
}

function same(parts: readonly string[]): LoginKeys {
  const exact = JSON.stringify(parts)
  return { exact, family: exact }
}

function target(login: Extract<VaultLogin, { tenantId: string }>): readonly string[] {
  const { kind, resource, loginOrigin, tenantId, clientId } = login
  return [kind, resource, loginOrigin, tenantId.toLowerCase(), clientId.toLowerCase()]
}
