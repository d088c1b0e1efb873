import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type forgeLibrary from 'node-forge'
import { asError } from '../base/errors.ts'
import type { SecretString } from '../base/secret.ts'
import { totalIterations } from './pkcs12-cost.ts'

type Forge = typeof forgeLibrary
type Asn1 = forgeLibrary.asn1.Asn1
type Bag = forgeLibrary.pkcs12.Bag

/** Why a PKCS#12 file cannot be used. The message is stable and tells nothing of the content. */
export class Pkcs12Error extends Error {
  override readonly name = 'Pkcs12Error'
  readonly about: 'file' | 'password' | 'key'

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly about?: Pkcs12Error['about'] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.about = options.about ?? 'file'
  }
}

/** What is in a file, in its order. Friendly names and other attributes are left behind. */
export interface OpenedPkcs12 {
  readonly keys: readonly KeyObject[]
  readonly certificates: readonly X509Certificate[]
  /** Rounds of key derivation that opening it took. */
  readonly rounds: number
}

export interface Pkcs12Limits {
  /** Rounds of key derivation that the file may ask for in all: they run on the only thread. */
  readonly maxRounds: number
  readonly maxCertificates: number
}

/** A certificate, its key and a chain are some kilobytes. */
const MAX_BYTES = 64 * 1024

/**
 * Opens a PKCS#12 file (RFC 7292) in the old encryption (3DES, RC2) and in the new one (AES, PBES2), with keys and
 * certificates of every kind that node:crypto knows. node-forge does what node:crypto cannot; it is loaded when the
 * first file is there, for the sake of the programs that never see one.
 * @throws Pkcs12Error
 */
export async function openPkcs12(
  bytes: Uint8Array,
  password: SecretString,
  limits: Pkcs12Limits,
): Promise<OpenedPkcs12> {
  if (bytes.length > MAX_BYTES) throw new Pkcs12Error(`it is larger than ${MAX_BYTES} bytes`)
  const { default: forge } = await import('node-forge')
  const tree = derTree(forge, Buffer.from(bytes).toString('binary'))
  const spent = { rounds: 0 }
  const bags = openBags({ forge, tree, maxRounds: limits.maxRounds, spent }, password)
  const { oids } = forge.pki
  const certificates = bags.filter((bag) => bag.type === oids['certBag'])
  if (certificates.length > limits.maxCertificates)
    throw new Pkcs12Error(`it holds more than ${limits.maxCertificates} certificates`)
  const keys = bags.filter((bag) => bag.type === oids['pkcs8ShroudedKeyBag'] || bag.type === oids['keyBag'])
  return {
    keys: keys.map((bag) => keyOf(forge, bag)),
    certificates: certificates.map((bag) => certificateOf(forge, bag)),
    rounds: spent.rounds,
  }
}

interface Opening {
  readonly forge: Forge
  readonly tree: Asn1
  readonly maxRounds: number
  /** Rounds of all tries together. */
  readonly spent: { rounds: number }
}

function openBags(opening: Opening, password: SecretString): Bag[] {
  try {
    return bagsWith(opening, password)
  } catch (thrown) {
    if (password.length > 0 || !isAboutPassword(thrown)) throw thrown
    return bagsWithout(opening, password)
  }
}

/**
 * No password is written in two ways: as an empty text with its closing zeros, or as nothing at all. The second can
 * go with PBES2, which knows no such difference: then the file's check sum needs the one and its parts the other.
 */
function bagsWithout(opening: Opening, empty: SecretString): Bag[] {
  try {
    return bagsWith(opening, undefined)
  } catch (thrown) {
    if (isAboutPassword(thrown) || !Array.isArray(opening.tree.value)) throw thrown
    const [version, content] = opening.tree.value
    if (version === undefined || content === undefined) throw thrown
    // Nobody is kept out by a check sum without a password, and it fitted.
    return bagsWith({ ...opening, tree: { ...opening.tree, value: [version, content] } }, empty)
  }
}

function isAboutPassword(thrown: unknown): boolean {
  return thrown instanceof Pkcs12Error && thrown.about === 'password'
}

function bagsWith(opening: Opening, password: SecretString | undefined): Bag[] {
  const { forge, tree, maxRounds, spent } = opening
  spent.rounds += totalIterations(forge, tree, password, maxRounds)
  if (spent.rounds > maxRounds)
    throw new Pkcs12Error(`it asks for more than ${maxRounds} rounds of key derivation`)
  try {
    const file = forge.pkcs12.pkcs12FromAsn1(tree, true, password?.reveal())
    return file.safeContents.flatMap((content) => content.safeBags)
  } catch (thrown) {
    const text = asError(thrown).message
    if (/password|decrypt|MAC could not be verified/i.test(text))
      throw new Pkcs12Error('the password does not fit', { about: 'password' })
    throw new Pkcs12Error('it is not a PKCS#12 file that can be read')
  }
}

function derTree(forge: Forge, binary: string): Asn1 {
  try {
    return forge.asn1.fromDer(binary)
  } catch (thrown) {
    throw new Pkcs12Error('it is not a PKCS#12 file', { cause: thrown })
  }
}

function certificateOf(forge: Forge, bag: Bag): X509Certificate {
  try {
    const tree = bag.cert ? certificateTree(forge, bag.cert) : bag.asn1
    return new X509Certificate(Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary'))
  } catch (thrown) {
    throw new Pkcs12Error('it holds a certificate that cannot be read', { cause: thrown })
  }
}

/**
 * The certificate as it was. What forge parsed it would write anew, and the parameters of signatures of other kinds
 * than RSA wrongly; the signed part has kept them, and both have to be the same (RFC 5280, 4.1.1.2).
 */
function certificateTree({ asn1 }: Forge, certificate: forgeLibrary.pki.Certificate): Asn1 {
  const { Class, Type } = asn1
  const { tbsCertificate: signedPart } = certificate
  const [first, second, third] = typeof signedPart.value === 'string' ? [] : signedPart.value
  const algorithm = first?.tagClass === Class.CONTEXT_SPECIFIC ? third : second
  if (algorithm === undefined) throw new Error('it has no signature algorithm')
  const signature = asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${String(certificate.signature)}`)
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [signedPart, algorithm, signature])
}

function keyOf(forge: Forge, bag: Bag): KeyObject {
  try {
    const tree = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1
    const der = Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary')
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    // The cause could hold bytes of the key.
    throw new Pkcs12Error('it holds a private key that cannot be read', { about: 'key' })
  }
}
