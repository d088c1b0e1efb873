import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { test } from 'node:test'
import { createServerIdentity, DEFAULT_NAMES } from './certificate-authority.ts'

test('one certificate of an own CA holds for all names and addresses, and its key belongs to it', async () => {
  const identity = await createServerIdentity([...DEFAULT_NAMES, '10.1.2.3', 'emulator.example'])
  const certificate = new X509Certificate(identity.cert)
  const ca = new X509Certificate(identity.caPem)
  assert.ok(ca.ca)
  assert.ok(certificate.verify(ca.publicKey))
  assert.ok(certificate.checkIssued(ca))
  for (const name of [...DEFAULT_NAMES, '10.1.2.3', 'emulator.example', 'shop.vault.azure.net']) {
    const found = isIP(name) > 0 ? certificate.checkIP(name) : certificate.checkHost(name.replace('*', 'any'))
    assert.ok(found, name)
  }
  assert.equal(certificate.checkHost('vault.azure.net'), undefined)
  assert.equal(certificate.checkHost('evil.example'), undefined)
})
