import type { Clock } from '../base/clock.ts'
import { createCertificateOpener } from './certificate-opener.ts'
import { createServicePrincipalSource, type EntraTokenRequest } from './entra-source.ts'
import type { SecretReader } from './secret-reader.ts'
import type { AuthorityRules } from './service-principal.ts'
import type { TokenSource } from './token-source.ts'

export interface CertificateSourceOptions {
  readonly exchange: TokenSource<EntraTokenRequest>
  readonly secrets: SecretReader
  readonly rules: AuthorityRules
  readonly clock: Clock
}

/** Tokens of service principals with a certificate (type 2), from Entra. */
export function createCertificateSource({ clock, ...deps }: CertificateSourceOptions): TokenSource {
  const open = createCertificateOpener(clock)
  return createServicePrincipalSource({
    ...deps,
    credentialOf: async (secret) => ({ kind: 'certificate', certificate: await open(secret) }),
  })
}
