import assert from 'node:assert/strict'
import { test } from 'node:test'
import forge from 'node-forge'
import { makeCertificate } from '../../test/make/certificates.ts'
import { SecretString } from '../base/secret.ts'
import { MAX_ITERATIONS, totalIterations } from './pkcs12-cost.ts'

const { asn1, pki } = forge
const { Class, Type } = asn1

const sequence = (...parts: forge.asn1.Asn1[]) => asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, parts)

/** A key in a bag of its own encryption, inside an encrypted part: its count shows after a decryption only. */
function hiddenKey(outerCount: number, innerCount: number): forge.asn1.Asn1 {
  const key = pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(makeCertificate().key))
  const inner = pki.encryptPrivateKeyInfo(key, 'pw', { algorithm: 'aes256', count: innerCount })
  const outer = pki.encryptPrivateKeyInfo(sequence(inner), 'pw', { algorithm: 'aes256', count: outerCount })
  const [algorithm, content] = outer.value as forge.asn1.Asn1[]
  assert.ok(algorithm !== undefined && typeof content?.value === 'string')
  const type = asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(pki.oids['data'] ?? '').getBytes())
  return sequence(type, algorithm, asn1.create(Class.CONTEXT_SPECIFIC, Type.NONE, false, content.value))
}

test('counts inside an encrypted part are added', () => {
  const rounds = totalIterations(forge, hiddenKey(1_000, 2_345), new SecretString('pw'))
  assert.equal(rounds, 3_345)
})

test('without the right password only what is open is counted', () => {
  assert.equal(totalIterations(forge, hiddenKey(1_000, 2_345), new SecretString('other')), 1_000)
})

test('a costly bag inside an encrypted part is found, and a costly part is not opened', () => {
  assert.ok(totalIterations(forge, hiddenKey(1, MAX_ITERATIONS), new SecretString('pw')) > MAX_ITERATIONS)
  assert.equal(
    totalIterations(forge, hiddenKey(MAX_ITERATIONS + 1, 5), new SecretString('pw')),
    MAX_ITERATIONS + 1,
  )
})

test('a tree without end is costly', () => {
  let tree = sequence()
  for (let depth = 0; depth < 100; depth += 1) tree = sequence(tree)
  assert.ok(totalIterations(forge, tree, new SecretString('pw')) > MAX_ITERATIONS)
})
