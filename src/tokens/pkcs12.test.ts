import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, createPublicKey, sign, verify, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import forge from 'node-forge'
import { makeCertificate, makePkcs12 } from '../../test/make/certificates.ts'
import { SecretString } from '../base/secret.ts'
import { readPkcs12 } from './pkcs12.ts'
import { Pkcs12Error } from './pkcs12-file.ts'

const root = makeCertificate({ name: 'root' })
const leaf = makeCertificate({ issuer: root })
const password = new SecretString('pass word ü')

const open = (bytes: Uint8Array, text = password) => readPkcs12(bytes, text)

function fails(message: RegExp) {
  return (thrown: unknown): boolean => {
    assert.ok(thrown instanceof Pkcs12Error, String(thrown))
    assert.match(thrown.message, message)
    assert.ok(!thrown.message.includes(password.reveal()))
    return true
  }
}

test('a file with key, certificate and chain opens in the new and in the old encryption', async () => {
  for (const algorithm of ['aes256', '3des'] as const) {
    const file = makePkcs12({ key: leaf, certificates: [root, leaf] }, password.reveal(), { algorithm })
    const opened = await open(file)
    const der = new X509Certificate(leaf.certificatePem).raw
    assert.equal(opened.thumbprint, createHash('sha256').update(der).digest('base64url'))
    assert.deepEqual(opened.chain, [
      der.toString('base64'),
      new X509Certificate(root.certificatePem).raw.toString('base64'),
    ])
    const signature = sign('sha256', Buffer.from('text'), opened.key)
    assert.ok(verify('sha256', Buffer.from('text'), createPublicKey(leaf.certificatePem), signature))
    assert.equal(opened.notAfter, Date.UTC(2049, 0, 1))
  }
})

test('files that OpenSSL writes open, with its present encryption and with that of its legacy option', async (context) => {
  if (spawnSync('openssl', ['version']).error !== undefined) {
    context.skip('openssl is not installed')
    return
  }
  const directory = mkdtempSync(join(tmpdir(), 'podid-p12-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const path = (name: string) => join(directory, name)
  writeFileSync(path('key.pem'), leaf.keyPem)
  writeFileSync(path('leaf.pem'), leaf.certificatePem)
  writeFileSync(path('root.pem'), root.certificatePem)
  const write = (...extra: string[]): Uint8Array => {
    const args = ['pkcs12', '-export', '-inkey', path('key.pem'), '-in', path('leaf.pem')]
    const out = ['-certfile', path('root.pem'), '-passout', 'pass:secret', '-out', path('out.p12')]
    execFileSync('openssl', [...args, ...out, ...extra], { stdio: 'pipe' })
    return readFileSync(path('out.p12'))
  }
  for (const extra of [
    [],
    ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
    ['-legacy'],
  ]) {
    const opened = await open(write(...extra), new SecretString('secret'))
    assert.equal(opened.chain.length, 2, extra.join(' '))
  }
})

test('each way in which a file cannot be used has its own error', async () => {
  const good = makePkcs12({ key: leaf, certificates: [leaf] }, password.reveal())
  await assert.rejects(open(good, new SecretString('wrong')), fails(/password does not fit/))
  await assert.rejects(open(good, new SecretString('')), fails(/password does not fit/))
  await assert.rejects(open(Buffer.from('not a file')), fails(/not a PKCS#12 file/))
  await assert.rejects(open(Buffer.from(leaf.certificatePem)), fails(/not a PKCS#12 file/))
  await assert.rejects(open(Buffer.alloc(64 * 1024 + 1)), fails(/larger than 65536 bytes/))
  const keyless = makePkcs12({ certificates: [leaf] }, password.reveal())
  await assert.rejects(open(keyless), fails(/no private key/))
  const foreign = makePkcs12({ key: root, certificates: [leaf] }, password.reveal())
  await assert.rejects(open(foreign), fails(/no certificate for its private key/))
})

test('a file that asks for millions of rounds is refused before any of them', async () => {
  const good = makePkcs12({ key: leaf, certificates: [leaf] }, password.reveal(), { count: 1_000 })
  const tree = forge.asn1.fromDer(Buffer.from(good).toString('binary'))
  // The MAC's count is the last number of the file.
  const mac = tree.value[2] as forge.asn1.Asn1
  ;(mac.value as forge.asn1.Asn1[])[2] = forge.asn1.create(
    forge.asn1.Class.UNIVERSAL,
    forge.asn1.Type.INTEGER,
    false,
    '\x7f\xff\xff\xff',
  )
  const costly = Buffer.from(forge.asn1.toDer(tree).getBytes(), 'binary')
  await assert.rejects(open(costly), fails(/more than 200000 rounds/))
  const parts = makePkcs12({ key: leaf, certificates: [leaf] }, password.reveal(), { count: 210_000 })
  await assert.rejects(open(parts), fails(/more than 200000 rounds/))
})

test('a damaged file is an error in our words, whatever the damage', async () => {
  const good = makePkcs12({ key: leaf, certificates: [leaf] }, 'x', { count: 1 })
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.boolean(), async (at, value, cut) => {
      const bytes = Buffer.from(cut ? good.subarray(0, at) : good)
      if (!cut) bytes[at] = value
      try {
        await readPkcs12(bytes, new SecretString('x'))
      } catch (thrown) {
        assert.ok(thrown instanceof Pkcs12Error, String(thrown))
      }
    }),
    { numRuns: 150 },
  )
})
