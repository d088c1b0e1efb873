import type { EntraClient } from '../azure/entra-client.ts'
import { SecretString } from '../base/secret.ts'
import { trimEnd } from '../base/trim-end.ts'
import { objectKey } from '../model/names.ts'
import type { Secret } from '../model/resources.ts'
import type { SecretReader } from './secret-reader.ts'
import { type AuthorityRules, credentialSecret, entraTarget } from './service-principal.ts'
import { TokenError, type TokenSource } from './token-source.ts'
import { asTokenError } from './upstream-failure.ts'

/** Tokens of service principals with a client secret (type 1), from Entra. One try a call. */
export function createSecretSource(
  entra: Pick<EntraClient, 'token'>,
  secrets: SecretReader,
  rules: AuthorityRules,
): TokenSource {
  return {
    async token(request, signal) {
      if (request.principal.kind === 'node')
        throw new TokenError('token-denied', 'the node is no service principal')
      const { identity } = request.principal
      const target = entraTarget(request, identity, rules)
      const secret = await credentialSecret({ identity, origin: target.origin, rules }, secrets, signal)
      try {
        return await entra.token(
          { ...target, credential: { kind: 'secret', secret: firstValue(secret) } },
          signal,
        )
      } catch (thrown) {
        throw asTokenError(thrown)
      }
    },
  }
}

/**
 * The first value of any key, in the order of the keys so that it is always the same one; line ends that
 * `kubectl create secret --from-file` took along are cut off.
 */
function firstValue(secret: Secret): SecretString {
  const key = objectKey(secret.namespace, secret.name)
  const first = Object.keys(secret.data).sort()[0]
  const value = first === undefined ? undefined : secret.data[first]
  const text = value === undefined ? '' : trimEnd(Buffer.from(value).toString('utf8'), '\r\n')
  if (text === '') throw new TokenError('secret-unusable', `Secret ${key} is empty`)
  return new SecretString(text)
}
