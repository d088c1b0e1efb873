import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { FakeClock } from '../../../../test/fakes/fake-clock.ts'
import { makeCertificateChain } from './certificate-chain.ts'
import { checkCertificate, checkKey, checkSecret } from './file-checks.ts'
import type { SeenFile } from './volumes.ts'

const file = (contents: string): SeenFile => ({ path: 'x', mode: '0400', contents: Buffer.from(contents) })

test('a secret must be the value of the vault, byte for byte', () => {
  assert.match(checkSecret(file('horse'), 'horse'), /^0400, sha256 [0-9a-f]{12}: the value in the vault$/)
  assert.throws(() => checkSecret(file('horse\n'), 'horse'), /not the value/)
})

test('a certificate file must have the key, then the chain from the leaf on, all of them the vault’s', async () => {
  const chain = await makeCertificateChain(new FakeClock({ now: Date.UTC(2026, 0, 1) }).now())
  const { key, certificates } = chain
  assert.match(
    checkCertificate(file([key, ...certificates].join('')), chain),
    /shop\.example, Shop Issuing CA/,
  )
  const others: [string[], RegExp][] = [
    [[...certificates, key], /it holds CERTIFICATE/],
    [[key, ...certificates.toReversed()], /leaf first/],
    [[key, ...certificates.slice(0, 2)], /and not PRIVATE KEY/],
  ]
  for (const [parts, text] of others) {
    assert.throws(() => checkCertificate(file(parts.join('')), chain), text)
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const foreign = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  assert.throws(
    () => checkCertificate(file([foreign, ...certificates].join('')), chain),
    /private key is not/,
  )
})

test('a key file must be the public half of the key in the vault', () => {
  const [one, other] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)
  assert.ok(one !== undefined && other !== undefined)
  const { kty = '', crv = '', x = '', y = '' } = one.export({ format: 'jwk' })
  const pem = (key: typeof one) => file(key.export({ type: 'spki', format: 'pem' }).toString())
  assert.match(checkKey(pem(one), { kty, crv, x, y }), /public half/)
  assert.throws(() => checkKey(pem(other), { kty, crv, x, y }), /not the key in the vault/)
})
