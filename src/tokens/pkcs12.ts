import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type forgeLibrary from 'node-forge'
import type { ClientCertificate } from '../azure/client-assertion.ts'
import { asError } from '../base/errors.ts'
import type { SecretString } from '../base/secret.ts'
import { MAX_ITERATIONS, totalIterations } from './pkcs12-cost.ts'

type Forge = typeof forgeLibrary

/** Why a PKCS#12 file cannot be used. The message is stable and tells nothing of the content. */
export class Pkcs12Error extends Error {
  override readonly name = 'Pkcs12Error'
}

/** A certificate, its key and a chain are some kilobytes. */
const MAX_BYTES = 64 * 1024
const MAX_CHAIN = 10

/**
 * Opens a PKCS#12 file (RFC 7292) in the old encryption (3DES, RC2) and in the new one (AES, PBES2).
 * node-forge does what node:crypto cannot; it is loaded when the first certificate is there, for the
 * sake of the agents that never see one.
 * @throws Pkcs12Error
 */
export async function readPkcs12(bytes: Uint8Array, password: SecretString): Promise<ClientCertificate> {
  if (bytes.length > MAX_BYTES) throw new Pkcs12Error(`it is larger than ${MAX_BYTES} bytes`)
  const { default: forge } = await import('node-forge')
  const bags = openBags(forge, Buffer.from(bytes).toString('binary'), password)
  const { oids } = forge.pki
  const certificates = bags.filter((bag) => bag.type === oids['certBag']).map((bag) => derOf(forge, bag))
  const keys = bags
    .filter((bag) => bag.type === oids['pkcs8ShroudedKeyBag'] || bag.type === oids['keyBag'])
    .map((bag) => keyOf(forge, bag))
  const [key] = keys
  if (key === undefined) throw new Pkcs12Error('it holds no private key')
  if (keys.length > 1) throw new Pkcs12Error('it holds more than one private key')
  if (key.asymmetricKeyType !== 'rsa') throw new Pkcs12Error('its key is not an RSA key, which Entra needs')
  return withChain(key, certificates)
}

function openBags(forge: Forge, binary: string, password: SecretString): forgeLibrary.pkcs12.Bag[] {
  const tree = derTree(forge, binary)
  if (totalIterations(forge, tree, password) > MAX_ITERATIONS)
    throw new Pkcs12Error(`it asks for more than ${MAX_ITERATIONS} rounds of key derivation`)
  try {
    const file = forge.pkcs12.pkcs12FromAsn1(tree, password.reveal())
    return file.safeContents.flatMap((content) => content.safeBags)
  } catch (thrown) {
    const text = asError(thrown).message
    if (/password|decrypt|MAC could not be verified/i.test(text))
      throw new Pkcs12Error('the password does not fit')
    throw new Pkcs12Error('it is not a PKCS#12 file that can be read')
  }
}

function derTree(forge: Forge, binary: string): forgeLibrary.asn1.Asn1 {
  try {
    return forge.asn1.fromDer(binary)
  } catch (thrown) {
    throw new Pkcs12Error('it is not a PKCS#12 file', { cause: thrown })
  }
}

function derOf(forge: Forge, bag: forgeLibrary.pkcs12.Bag): X509Certificate {
  const tree = bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1
  try {
    return new X509Certificate(Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary'))
  } catch (thrown) {
    throw new Pkcs12Error('it holds a certificate that cannot be read', { cause: thrown })
  }
}

function keyOf(forge: Forge, bag: forgeLibrary.pkcs12.Bag): KeyObject {
  const tree = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1
  try {
    const der = Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary')
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    // The cause could hold bytes of the key.
    throw new Pkcs12Error('it holds a private key that cannot be read')
  }
}

function withChain(key: KeyObject, certificates: readonly X509Certificate[]): ClientCertificate {
  if (certificates.length > MAX_CHAIN) throw new Pkcs12Error(`it holds more than ${MAX_CHAIN} certificates`)
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key))
  if (leaf === undefined) throw new Pkcs12Error('it holds no certificate for its private key')
  const chain = [leaf]
  for (
    let issuer = issuerOf(leaf, certificates);
    issuer !== undefined;
    issuer = issuerOf(issuer, certificates)
  ) {
    if (chain.includes(issuer)) break
    chain.push(issuer)
  }
  return {
    key,
    thumbprint: createHash('sha256').update(leaf.raw).digest('base64url'),
    chain: chain.map((certificate) => certificate.raw.toString('base64')),
    notAfter: Date.parse(leaf.validTo),
  }
}

function issuerOf(
  certificate: X509Certificate,
  all: readonly X509Certificate[],
): X509Certificate | undefined {
  return all.find((other) => other !== certificate && certificate.checkIssued(other))
}
