import { createHash, type KeyObject, type X509Certificate } from 'node:crypto'
import type { ClientCertificate } from '../azure/client-assertion.ts'
import type { SecretString } from '../base/secret.ts'
import { linkCertificates } from './certificate-chain.ts'
import { MAX_ITERATIONS } from './pkcs12-cost.ts'
import { openPkcs12, Pkcs12Error } from './pkcs12-file.ts'

const MAX_CHAIN = 10

/**
 * The certificate of a service principal: one RSA key, the certificate that fits it, and its chain.
 * @throws Pkcs12Error
 */
export async function readPkcs12(bytes: Uint8Array, password: SecretString): Promise<ClientCertificate> {
  const limits = { maxRounds: MAX_ITERATIONS, maxCertificates: MAX_CHAIN }
  const { keys, certificates } = await openPkcs12(bytes, password, limits)
  const [key] = keys
  if (key === undefined) throw new Pkcs12Error('it holds no private key')
  if (keys.length > 1) throw new Pkcs12Error('it holds more than one private key')
  if (key.asymmetricKeyType !== 'rsa') throw new Pkcs12Error('its key is not an RSA key, which Entra needs')
  return withChain(key, certificates)
}

function withChain(key: KeyObject, certificates: readonly X509Certificate[]): ClientCertificate {
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key))
  if (leaf === undefined) throw new Pkcs12Error('it holds no certificate for its private key')
  return {
    key,
    thumbprint: createHash('sha256').update(leaf.raw).digest('base64url'),
    chain: linkCertificates(certificates)
      .chainFrom(leaf)
      .map((certificate) => certificate.raw.toString('base64')),
    notAfter: Date.parse(leaf.validTo),
  }
}
