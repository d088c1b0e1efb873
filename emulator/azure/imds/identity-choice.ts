import type { Principal } from '../entra/access-tokens.ts'
import type { Reply } from '../http/exchange.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { Compute, ImdsView } from '../state/compute.ts'
import { imdsReplies } from './imds-replies.ts'

const SELECTORS = ['client_id', 'object_id', 'principal_id', 'msi_res_id', 'mi_res_id']

export type Choice = { readonly principal: Principal } | { readonly refusal: Reply }

/**
 * The identity that a token request means, among those that ARM has put on this VM and IMDS already
 * knows: the named one; without a name the system-assigned one, else the only one.
 */
export function chooseIdentity(
  query: URLSearchParams,
  compute: Compute,
  deps: { state: AzureState; nowMs: number },
): Choice {
  const named = SELECTORS.filter((name) => query.has(name))
  if (named.length > 1)
    return { refusal: imdsReplies.invalid(`Only one of ${named.join(', ')} can be specified`) }
  const visible = [...compute.imds].filter(
    ([, view]) => view.fromMs <= deps.nowMs && deps.nowMs < view.untilMs,
  )
  const systemSince = compute.imdsSystemFromMs
  const system = systemSince !== undefined && systemSince <= deps.nowMs
  const [selector] = named
  if (selector === undefined) {
    if (system) return { principal: systemPrincipal(compute) }
    const [only, another] = visible
    if (another !== undefined)
      return {
        refusal: imdsReplies.invalid(
          'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request',
        ),
      }
    return only === undefined ? notFound() : userPrincipal(only, compute, deps.state)
  }
  const wanted = (query.get(selector) ?? '').toLowerCase()
  if (system && wanted === wordOf(selector, compute.system, compute.key))
    return { principal: systemPrincipal(compute) }
  const found = visible.find(([key, view]) => wanted === wordOf(selector, view, key))
  return found === undefined ? notFound() : userPrincipal(found, compute, deps.state)
}

function wordOf(selector: string, ids: { clientId: string; principalId: string }, key: string): string {
  if (selector === 'client_id') return ids.clientId
  return selector.endsWith('res_id') ? key : ids.principalId
}

function notFound(): Choice {
  return { refusal: imdsReplies.invalid('Identity not found') }
}

function systemPrincipal(compute: Compute): Principal {
  const { clientId, principalId } = compute.system
  return { clientId, objectId: principalId, proof: '2', resourceId: compute.id, compute: compute.id }
}

/** An identity that was deleted, or deleted and created again, has no principal behind it any more. */
function userPrincipal([key, view]: [string, ImdsView], compute: Compute, state: AzureState): Choice {
  const live = state.identities.get(key)
  if (live === undefined || live.principalId !== view.principalId) return notFound()
  const { clientId, principalId } = view
  return {
    principal: { clientId, objectId: principalId, proof: '2', resourceId: live.id, compute: compute.id },
  }
}
