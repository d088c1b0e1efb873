import type { EntraClient } from '../azure/entra-client.ts'
import type { Clock } from '../base/clock.ts'
import { createCertificateOpener } from './certificate-opener.ts'
import type { SecretReader } from './secret-reader.ts'
import { type AuthorityRules, credentialSecret, entraTarget } from './service-principal.ts'
import { TokenError, type TokenSource } from './token-source.ts'
import { asTokenError } from './upstream-failure.ts'

export interface CertificateSourceOptions {
  readonly entra: Pick<EntraClient, 'token'>
  readonly secrets: SecretReader
  readonly rules: AuthorityRules
  readonly clock: Clock
}

/** Tokens of service principals with a certificate (type 2), from Entra. One try a call. */
export function createCertificateSource(options: CertificateSourceOptions): TokenSource {
  const { entra, secrets, rules, clock } = options
  const open = createCertificateOpener(clock)
  return {
    async token(request, signal) {
      if (request.principal.kind === 'node')
        throw new TokenError('token-denied', 'the node is no service principal')
      const { identity } = request.principal
      const target = entraTarget(request, identity, rules)
      const secret = await credentialSecret({ identity, origin: target.origin, rules }, secrets, signal)
      const certificate = await open(secret)
      try {
        return await entra.token({ ...target, credential: { kind: 'certificate', certificate } }, signal)
      } catch (thrown) {
        throw asTokenError(thrown)
      }
    },
  }
}
