import type { ClientCertificate } from '../azure/client-assertion.ts'
import type { EntraClient } from '../azure/entra-client.ts'
import type { Clock } from '../base/clock.ts'
import { SecretString } from '../base/secret.ts'
import { trimEnd } from '../base/trim-end.ts'
import { objectKey } from '../model/names.ts'
import type { Secret } from '../model/resources.ts'
import { readPkcs12 } from './pkcs12.ts'
import { Pkcs12Error } from './pkcs12-file.ts'
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

/** Certificates that are kept opened; opening one costs some ten milliseconds of CPU. */
const MAX_OPENED = 256

/** Tokens of service principals with a certificate (type 2), from Entra. One try a call. */
export function createCertificateSource(options: CertificateSourceOptions): TokenSource {
  const { entra, secrets, rules, clock } = options
  const open = createOpener(clock)
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

interface Opened {
  readonly version: string
  readonly certificate: ClientCertificate
}

/** Opens the certificate of a Secret and keeps it until the Secret has another version. */
function createOpener(clock: Clock): (secret: Secret) => Promise<ClientCertificate> {
  const opened = new Map<string, Opened>()
  return async (secret) => {
    const key = objectKey(secret.namespace, secret.name)
    const version = `${secret.uid}/${secret.resourceVersion}`
    const known = opened.get(key)
    const certificate = known?.version === version ? known.certificate : await openSecret(secret, key)
    if (certificate.notAfter <= clock.now()) {
      const day = new Date(certificate.notAfter).toISOString().slice(0, 10)
      throw new TokenError('secret-unusable', `the certificate of Secret ${key} expired on ${day}`)
    }
    opened.delete(key)
    opened.set(key, { version, certificate })
    const oldest = opened.size > MAX_OPENED ? opened.keys().next().value : undefined
    if (oldest !== undefined) opened.delete(oldest)
    return certificate
  }
}

async function openSecret(secret: Secret, key: string): Promise<ClientCertificate> {
  const bytes = secret.data['certificate']
  const password = secret.data['password']
  if (bytes === undefined || bytes.length === 0)
    throw new TokenError('secret-unusable', `Secret ${key} has no key "certificate"`)
  const text = password === undefined ? '' : Buffer.from(password).toString('utf8')
  try {
    return await readPkcs12(bytes, new SecretString(trimEnd(text, '\r\n')))
  } catch (thrown) {
    if (!(thrown instanceof Pkcs12Error)) throw thrown
    throw new TokenError(
      'secret-unusable',
      `the certificate of Secret ${key} does not open: ${thrown.message}`,
      {
        cause: thrown,
      },
    )
  }
}
