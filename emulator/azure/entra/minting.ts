import type { AzureState } from '../state/azure-state.ts'
import type { Settings } from '../state/settings.ts'
import type { Principal, TokenOffice } from './access-tokens.ts'

export interface MintOrder {
  /** Client id of an application, or the id or name of an identity. */
  readonly principal: string
  /** `aud`: `https://management.azure.com/`, `https://vault.azure.net`. */
  readonly audience: string
  readonly lifetimeSeconds?: number
}

/** Issues a token without a request, for tests of one service. @throws RangeError for an unknown principal */
export async function mintToken(
  order: MintOrder,
  deps: { state: AzureState; settings: Settings; office: TokenOffice; nowMs: number },
): Promise<string> {
  const principal = findPrincipal(order.principal.toLowerCase(), deps.state)
  const lifetimeSeconds = order.lifetimeSeconds ?? 3_599
  const token = await deps.office.issue({
    principal,
    audience: order.audience,
    lifetimeSeconds,
    nowMs: deps.nowMs,
  })
  return token.jwt
}

function findPrincipal(name: string, state: AzureState): Principal {
  const app = state.apps.get(name)
  if (app !== undefined) return { clientId: app.clientId, objectId: app.objectId, proof: '1' }
  for (const identity of state.identities.values()) {
    const { key, clientId, principalId, id } = identity
    if ([key, clientId, principalId, identity.name.toLowerCase()].includes(name))
      return { clientId, objectId: principalId, proof: '2', resourceId: id }
  }
  throw new RangeError(`no emulated application or identity '${name}'`)
}
