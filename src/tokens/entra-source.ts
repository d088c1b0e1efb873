import type { EntraClient, EntraRequest } from '../azure/entra-client.ts'
import type { Secret } from '../model/resources.ts'
import type { SecretReader } from './secret-reader.ts'
import { type AuthorityRules, credentialSecret, entraTarget } from './service-principal.ts'
import { TokenError, type TokenRequest, type TokenSource } from './token-source.ts'
import { asTokenError } from './upstream-failure.ts'

/** A request with all that Entra is asked, the credential included. */
export interface EntraTokenRequest extends TokenRequest {
  readonly entra: EntraRequest
}

type EntraCredential = EntraRequest['credential']

/** The exchange with Entra alone. One try a call. */
export function createEntraSource(entra: Pick<EntraClient, 'token'>): TokenSource<EntraTokenRequest> {
  return {
    async token(request, signal) {
      try {
        return await entra.token(request.entra, signal)
      } catch (thrown) {
        throw asTokenError(thrown)
      }
    },
  }
}

/**
 * Tokens of service principals. The Secret is read and its credential made before `exchange` is asked: an API server
 * that does not answer must not hold the turns of those who need no Secret from it, nor count as Entra's failure.
 */
export function createServicePrincipalSource(deps: {
  readonly exchange: TokenSource<EntraTokenRequest>
  readonly secrets: SecretReader
  readonly rules: AuthorityRules
  /** @throws TokenError `secret-unusable` */
  readonly credentialOf: (secret: Secret) => EntraCredential | Promise<EntraCredential>
}): TokenSource {
  const { exchange, secrets, rules, credentialOf } = deps
  return {
    async token(request, signal) {
      if (request.principal.kind === 'node')
        throw new TokenError('token-denied', 'the node is no service principal')
      const { identity } = request.principal
      const target = entraTarget(request, identity, rules)
      const secret = await credentialSecret({ identity, origin: target.origin, rules }, secrets, signal)
      const credential = await credentialOf(secret)
      return exchange.token({ ...request, entra: { ...target, credential } }, signal)
    },
  }
}
