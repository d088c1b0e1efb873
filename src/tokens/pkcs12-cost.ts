import type forgeLibrary from 'node-forge'
import type { SecretString } from '../base/secret.ts'

type Forge = typeof forgeLibrary
type Node = forgeLibrary.asn1.Asn1

/**
 * Rounds of key derivation that one file may ask for in all. Common tools write 1 to 10,000 for each of
 * three or four parts; a file that asks for millions would hold up the agent, so it is refused unopened.
 */
export const MAX_ITERATIONS = 200_000

const MAX_DEPTH = 32

/** Decryption by password based algorithms; there, and missing in the type package. */
interface PbeModule {
  getCipher(oid: string, parameters: Node, password: string | undefined): forgeLibrary.cipher.BlockCipher
}

/**
 * Adds up the iteration counts of a PKCS#12 file, those inside encrypted parts included, and stops as
 * soon as the sum is above `max`; no part is decrypted that would exceed it. Without a password, parts are
 * decrypted with none, which is not the same as an empty one.
 */
export function totalIterations(
  forge: Forge,
  tree: Node,
  password: SecretString | undefined,
  max = MAX_ITERATIONS,
): number {
  const sum = { rounds: 0 }
  count({ forge, password, max, sum }, tree, 0)
  return sum.rounds
}

interface Walk {
  readonly forge: Forge
  readonly password: SecretString | undefined
  readonly max: number
  readonly sum: { rounds: number }
}

function count(walk: Walk, node: Node, depth: number): void {
  if (depth > MAX_DEPTH) walk.sum.rounds = Number.POSITIVE_INFINITY
  if (walk.sum.rounds > walk.max) return
  const children = typeof node.value === 'string' ? embedded(walk.forge, node) : node.value
  for (const [index, child] of children.entries()) {
    walk.sum.rounds += rounds(walk.forge, children[index - 1], child)
    count(walk, child, depth + 1)
  }
  const hidden = walk.sum.rounds > walk.max ? undefined : decrypted(walk, children)
  if (hidden !== undefined) count(walk, hidden, depth + 1)
}

/** A salt followed by a number: parameters of PBES1, PBKDF2 and of the MAC alike. */
function rounds({ asn1 }: Forge, before: Node | undefined, node: Node): number {
  if (before?.type !== asn1.Type.OCTETSTRING || node.type !== asn1.Type.INTEGER) return 0
  if (typeof node.value !== 'string') return 0
  return Number(`0x0${Buffer.from(node.value, 'binary').toString('hex')}`)
}

/** PKCS#7 wraps its contents as DER inside an OCTET STRING. */
function embedded({ asn1 }: Forge, node: Node): Node[] {
  const { value } = node
  if (node.type !== asn1.Type.OCTETSTRING || typeof value !== 'string' || !value.startsWith('\x30')) return []
  try {
    return [asn1.fromDer(value)]
  } catch {
    // Plain bytes that begin like a SEQUENCE.
    return []
  }
}

/** The content of an EncryptedContentInfo: type, algorithm, `[0]` content. Undefined when it is none. */
function decrypted(walk: Walk, children: readonly Node[]): Node | undefined {
  const [type, algorithm, content] = children
  const { asn1 } = walk.forge
  if (type?.type !== asn1.Type.OID || content?.tagClass !== asn1.Class.CONTEXT_SPECIFIC) return undefined
  if (algorithm === undefined || typeof algorithm.value === 'string') return undefined
  const [oid, parameters] = algorithm.value
  if (oid === undefined || typeof oid.value !== 'string' || parameters === undefined) return undefined
  return decryptedBy(walk, oid.value, parameters, content)
}

function decryptedBy(
  { forge, password }: Walk,
  oid: string,
  parameters: Node,
  content: Node,
): Node | undefined {
  const { asn1, pki, util } = forge
  const { pbe } = pki as unknown as { pbe: PbeModule }
  try {
    const cipher = pbe.getCipher(asn1.derToOid(oid), parameters, password?.reveal())
    cipher.update(util.createBuffer(bytesOf(content)))
    return cipher.finish() ? asn1.fromDer(cipher.output) : undefined
  } catch {
    // A wrong password or an unknown algorithm: opening the file says so.
    return undefined
  }
}

/** Implicit tag: the bytes stand there whole, or in pieces. */
function bytesOf(node: Node): string {
  return typeof node.value === 'string' ? node.value : node.value.map(bytesOf).join('')
}
