import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeCertificate, makePkcs12 } from '../../../test/make/certificates.ts'
import { certificateSecret } from '../../../test/make/vault-objects.ts'
import type { VaultSecret } from '../../azure/vault-objects.ts'
import { createPfxOpenings } from './pfx-openings.ts'

function pfxSecret(): VaultSecret {
  const made = makeCertificate()
  const file = makePkcs12({ key: made, certificates: [made] }, '', { count: 100 })
  return certificateSecret(Buffer.from(file).toString('base64'), 'application/x-pkcs12')
}

test('a secret is opened once, for all its aliases and for all mounts that have the same answer', async () => {
  const secret = pfxSecret()
  const openings = createPfxOpenings(true)
  const open = openings.ofMount()
  const texts = await open(secret)
  assert.match(texts.combined, /BEGIN PRIVATE KEY/)
  assert.equal(await open(secret), texts)
  assert.equal(await openings.ofMount()(secret), texts)
})

test('the rounds of one mount are bounded together; another mount has its own, and what is open costs nothing', async () => {
  const openings = createPfxOpenings(true, 200)
  const open = openings.ofMount()
  const [first, second] = [pfxSecret(), pfxSecret()]
  await open(first)
  await assert.rejects(open(second), { name: 'Unusable', message: /200 rounds of key derivation, all that/ })
  await open(first)
  await openings.ofMount()(second)
  await open(second)
})
