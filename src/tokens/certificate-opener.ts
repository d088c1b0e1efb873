import type { ClientCertificate } from '../azure/client-assertion.ts'
import type { Clock } from '../base/clock.ts'
import { SecretString } from '../base/secret.ts'
import { trimEnd } from '../base/trim-end.ts'
import { objectKey } from '../model/names.ts'
import type { Secret } from '../model/resources.ts'
import { readPkcs12 } from './pkcs12.ts'
import { Pkcs12Error } from './pkcs12-file.ts'
import { TokenError } from './token-source.ts'

/** Certificates that are kept opened; opening one costs some ten milliseconds of CPU, a hostile one much more. */
const MAX_OPENED = 256

interface Opened {
  readonly version: string
  /** Rejects with the TokenError of a certificate that does not open. */
  readonly certificate: Promise<ClientCertificate>
}

/**
 * Opens the certificate of a Secret and keeps what came of it, a failure too, until the Secret has another version:
 * whatever is asked for meanwhile, and by how many at once, it is opened once.
 * @throws TokenError `secret-unusable`, from what it returns
 */
export function createCertificateOpener(
  clock: Clock,
  read: typeof readPkcs12 = readPkcs12,
): (secret: Secret) => Promise<ClientCertificate> {
  const opened = new Map<string, Opened>()

  function openedOf(secret: Secret, key: string): Opened {
    const version = `${secret.uid}/${secret.resourceVersion}`
    const known = opened.get(key)
    const made = known?.version === version ? known : { version, certificate: openSecret(secret, key, read) }
    opened.delete(key)
    opened.set(key, made)
    const oldest = opened.size > MAX_OPENED ? opened.keys().next().value : undefined
    if (oldest !== undefined) opened.delete(oldest)
    return made
  }

  return async (secret) => {
    const key = objectKey(secret.namespace, secret.name)
    const known = openedOf(secret, key)
    try {
      const certificate = await known.certificate
      if (certificate.notAfter > clock.now()) return certificate
      const day = new Date(certificate.notAfter).toISOString().slice(0, 10)
      throw new TokenError('secret-unusable', `the certificate of Secret ${key} expired on ${day}`)
    } catch (thrown) {
      // A fault in podid says nothing about the certificate.
      if (!(thrown instanceof TokenError) && opened.get(key) === known) opened.delete(key)
      throw thrown
    }
  }
}

async function openSecret(secret: Secret, key: string, read: typeof readPkcs12): Promise<ClientCertificate> {
  const bytes = secret.data['certificate']
  const password = secret.data['password']
  if (bytes === undefined || bytes.length === 0)
    throw new TokenError('secret-unusable', `Secret ${key} has no key "certificate"`)
  const text = password === undefined ? '' : Buffer.from(password).toString('utf8')
  try {
    return await read(bytes, new SecretString(trimEnd(text, '\r\n')))
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
