import assert from 'node:assert/strict'
import { test } from 'node:test'
import forge from 'node-forge'
import {
  type ChainMember,
  HAS_OPENSSL,
  KEY_KINDS,
  makeChain,
  opensslPfx,
  PFX_KINDS,
} from '../../test/make/certificate-chains.ts'
import { makeCertificate, makePkcs12 } from '../../test/make/certificates.ts'
import { SecretString } from '../base/secret.ts'
import { openPkcs12, Pkcs12Error } from './pkcs12-file.ts'

const EMPTY = new SecretString('')
const LIMITS = { maxRounds: 20_000, maxCertificates: 4 }
const needs = { skip: HAS_OPENSSL ? false : 'openssl is not installed' }

const open = (bytes: Uint8Array, limits = LIMITS) => openPkcs12(bytes, EMPTY, limits)

const certificatesOf = (chain: readonly ChainMember[]) => chain.map(({ certificate }) => certificate)

for (const kind of KEY_KINDS) {
  test(`${kind}: key and certificates come out of each encryption as they went in`, needs, async () => {
    const chain = await makeChain(['shop', 'root'], {}, { kind })
    const [leaf] = chain
    assert.ok(leaf !== undefined)
    for (const flags of Object.values(PFX_KINDS)) {
      const opened = await open(opensslPfx({ key: leaf.key, certificates: certificatesOf(chain) }, flags))
      // The RSA certificate is signed by an EC key: written anew by forge, its bytes would change.
      assert.deepEqual(
        opened.certificates.map(({ raw }) => raw),
        certificatesOf(chain).map(({ raw }) => raw),
      )
      assert.equal(opened.keys.length, 1)
      assert.ok(opened.keys[0]?.equals(leaf.key))
    }
  })
}

test('no password at all is another way to write an empty one', async () => {
  const made = makeCertificate()
  const bytes = forge.pkcs12.toPkcs12Asn1(made.key, [made.certificate], null)
  const opened = await open(Buffer.from(forge.asn1.toDer(bytes).getBytes(), 'binary'))
  assert.equal(opened.keys.length, 1)
  assert.equal(opened.certificates.length, 1)
})

/** The file with a check sum of no password, as Windows writes it; parts encrypted by PBES2 stay. */
function withoutPassword(file: Uint8Array): Buffer {
  const tree = forge.asn1.fromDer(Buffer.from(file).toString('binary'))
  const at = (node: forge.asn1.Asn1, ...path: number[]): forge.asn1.Asn1 =>
    path.reduce((each, index) => {
      const child = typeof each.value === 'string' ? undefined : each.value[index]
      assert.ok(child !== undefined)
      return child
    }, node)
  const data = at(tree, 1, 1, 0).value as string
  const salt = at(tree, 2, 1).value as string
  const count = Number.parseInt(Buffer.from(at(tree, 2, 2).value as string, 'binary').toString('hex'), 16)
  const md = forge.md.sha256.create()
  const buffer = forge.util.createBuffer(salt)
  const { generateKey } = forge.pkcs12 as unknown as {
    generateKey: (...rest: unknown[]) => forge.util.ByteStringBuffer
  }
  const mac = forge.hmac.create()
  mac.start(md, generateKey(null, buffer, 3, count, 32, md))
  mac.update(data)
  at(tree, 2, 0, 1).value = mac.getMac().getBytes()
  return Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary')
}

test('a check sum of no password goes together with AES', needs, async () => {
  const chain = await makeChain(['shop'], {}, { kind: 'RSA' })
  const parts = { key: chain[0]?.key, certificates: certificatesOf(chain) }
  assert.ok(parts.key !== undefined)
  const file = withoutPassword(opensslPfx({ ...parts, key: parts.key }, PFX_KINDS['AES-256']))
  const opened = await open(file)
  assert.ok(opened.keys[0]?.equals(parts.key))
  // All tries together stay within the bound.
  await assert.rejects(open(file, { ...LIMITS, maxRounds: 7_000 }), /more than 7000 rounds/)
})

test('a file with a password, with too many certificates or of too many rounds is refused', async () => {
  const made = makeCertificate()
  const locked = makePkcs12({ key: made, certificates: [made] }, 'pw')
  await assert.rejects(open(locked), (thrown) => {
    assert.ok(thrown instanceof Pkcs12Error)
    assert.equal(thrown.about, 'password')
    return true
  })
  const many = makePkcs12({ key: made, certificates: Array.from({ length: 5 }, () => made) }, '')
  await assert.rejects(open(many), /more than 4 certificates/)
  const costly = makePkcs12({ key: made, certificates: [made] }, '', { count: 10_001 })
  await assert.rejects(open(costly), /more than 20000 rounds/)
})
