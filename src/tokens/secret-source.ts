import { SecretString } from '../base/secret.ts'
import { trimEnd } from '../base/trim-end.ts'
import { objectKey } from '../model/names.ts'
import type { Secret } from '../model/resources.ts'
import { createServicePrincipalSource, type EntraTokenRequest } from './entra-source.ts'
import type { SecretReader } from './secret-reader.ts'
import type { AuthorityRules } from './service-principal.ts'
import { TokenError, type TokenSource } from './token-source.ts'

/** Tokens of service principals with a client secret (type 1), from Entra. */
export function createSecretSource(
  exchange: TokenSource<EntraTokenRequest>,
  secrets: SecretReader,
  rules: AuthorityRules,
): TokenSource {
  return createServicePrincipalSource({
    exchange,
    secrets,
    rules,
    credentialOf: (secret) => ({ kind: 'secret', secret: firstValue(secret) }),
  })
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
