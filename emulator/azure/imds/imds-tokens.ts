import type { IssuedToken, Principal, TokenOffice } from '../entra/access-tokens.ts'
import type { Reply } from '../http/exchange.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { Compute } from '../state/compute.ts'
import type { Settings } from '../state/settings.ts'
import { chooseIdentity } from './identity-choice.ts'
import { imdsReplies } from './imds-replies.ts'

export interface ImdsTokenDeps {
  readonly state: AzureState
  readonly settings: Settings
  readonly office: TokenOffice
  /** Wall clock of IMDS and Entra, milliseconds. */
  readonly now: () => number
  readonly monotonic: () => number
}

/** The token endpoint of one VM's IMDS. */
export interface ImdsTokens {
  answer(query: URLSearchParams, compute: Compute): Promise<Reply>
}

const MOST_CACHED = 10_000

/** Tokens are cached on the host per identity and resource: the same one comes again until near its end. */
export function createImdsTokens(deps: ImdsTokenDeps): ImdsTokens {
  const cache = new Map<string, IssuedToken>()
  const tokenFor = async (principal: Principal, audience: string): Promise<IssuedToken> => {
    const key = `${principal.compute ?? ''} ${principal.objectId} ${audience}`
    const margin = deps.settings.imdsCacheMarginSeconds
    const held = cache.get(key)
    if (held !== undefined && held.expires - deps.now() / 1_000 > margin) return held
    const lifetimeSeconds = deps.settings.identityTokenSeconds
    const token = await deps.office.issue({ principal, audience, lifetimeSeconds, nowMs: deps.now() })
    if (cache.size >= MOST_CACHED) cache.clear()
    cache.set(key, token)
    return token
  }
  return {
    async answer(query, compute) {
      const resource = query.get('resource') ?? ''
      if (resource === '') return imdsReplies.invalid("Required query variable 'resource' is missing")
      const choice = chooseIdentity(query, compute, { state: deps.state, nowMs: deps.monotonic() })
      if ('refusal' in choice) return choice.refusal
      const { knownAudiences } = deps.settings
      if (knownAudiences.length > 0 && !knownAudiences.includes(resource.replace(/\/+$/, '')))
        return unknownResource(resource, deps.state.tenant.id)
      const token = await tokenFor(choice.principal, resource)
      return { status: 200, body: tokenBody(token, choice.principal, resource, deps.now()) }
    },
  }
}

/** All values are strings, and the resource is exactly what was asked: caches of SDKs depend on it. */
function tokenBody(
  token: IssuedToken,
  principal: Principal,
  resource: string,
  nowMs: number,
): Record<string, string> {
  const left = String(Math.max(0, token.expires - Math.floor(nowMs / 1_000)))
  return {
    access_token: token.jwt,
    client_id: principal.clientId,
    expires_in: left,
    expires_on: String(token.expires),
    ext_expires_in: left,
    not_before: String(token.notBefore),
    resource,
    token_type: 'Bearer',
  }
}

function unknownResource(resource: string, tenant: string): Reply {
  const text = `AADSTS500011: The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.`
  return { status: 400, body: { error: 'invalid_resource', error_description: text } }
}
