import type { ImdsClient, ImdsSelector } from '../azure/imds-client.ts'
import type { IssuedToken } from '../azure/token-answer.ts'
import { readClaims } from '../azure/token-claims.ts'
import { type Principal, TokenError, type TokenRequest, type TokenSource } from './token-source.ts'
import { asTokenError } from './upstream-failure.ts'

/** Tokens of user-assigned identities (type 0) and of the node itself, from IMDS. One try a call. */
export function createImdsSource(imds: Pick<ImdsClient, 'token'>): TokenSource {
  return {
    async token(request, signal) {
      const selector = selectorOf(request.principal)
      const issued = await ask(imds, request, selector, signal)
      return checked(issued, selector)
    },
  }
}

async function ask(
  imds: Pick<ImdsClient, 'token'>,
  { resource }: TokenRequest,
  selector: ImdsSelector | undefined,
  signal: AbortSignal,
): Promise<IssuedToken> {
  try {
    return await imds.token(selector === undefined ? { resource } : { resource, selector }, signal)
  } catch (thrown) {
    throw asTokenError(thrown)
  }
}

/**
 * Exactly one selector. An AzureIdentity without any id must never become a request without a selector:
 * IMDS would answer it with the node's own identity.
 */
function selectorOf(principal: Principal): ImdsSelector | undefined {
  if (principal.kind === 'node') {
    const named = [
      selector('client_id', principal.clientId),
      selector('msi_res_id', principal.resourceId),
      selector('object_id', principal.objectId),
    ].filter((each) => each !== undefined)
    if (named.length > 1) throw new TokenError('token-denied', 'the request names more than one identity')
    return named[0]
  }
  const { identity } = principal
  const chosen = selector('client_id', identity.clientId) ?? selector('msi_res_id', identity.resourceId)
  if (chosen !== undefined) return chosen
  throw new TokenError('token-denied', 'the AzureIdentity has neither clientID nor resourceID')
}

function selector(name: ImdsSelector['name'], value: string | undefined): ImdsSelector | undefined {
  const text = value?.trim() ?? ''
  return text === '' ? undefined : { name, value: text }
}

/** A token for another client id than the one asked for is handed to nobody. */
function checked(issued: IssuedToken, selector: ImdsSelector | undefined): IssuedToken {
  const named = issued.clientId || readClaims(issued.value.reveal())?.clientId || ''
  const wanted = selector?.name === 'client_id' ? selector.value : ''
  if (named !== '' && wanted !== '' && named.toLowerCase() !== wanted.toLowerCase())
    throw new TokenError('upstream-unavailable', 'IMDS answered with a token of another identity')
  return issued.clientId === '' ? { ...issued, clientId: named || wanted } : issued
}
