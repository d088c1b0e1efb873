import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeCertificate, makePkcs12 } from '../../test/make/certificates.ts'
import type { Secret } from '../model/resources.ts'
import { createCertificateOpener } from './certificate-opener.ts'
import { readPkcs12 } from './pkcs12.ts'
import { TokenError } from './token-source.ts'

const leaf = makeCertificate({ notAfter: new Date('2026-02-01T00:00:00Z') })
const certificate = makePkcs12({ key: leaf, certificates: [leaf] }, 'pw')

function secretOf(password: string, resourceVersion: string, name = 'sp'): Secret {
  const data = { certificate, password: Buffer.from(password) }
  return { namespace: 'default', name, uid: 'u', resourceVersion, data }
}

function build() {
  const clock = new FakeClock()
  const world = { reads: 0, fault: false }
  const open = createCertificateOpener(clock, (bytes, password) => {
    world.reads += 1
    return world.fault ? Promise.reject(new Error('out of memory')) : readPkcs12(bytes, password)
  })
  const refused = (secret: Secret, text: RegExp) =>
    assert.rejects(open(secret), (thrown) => {
      assert.ok(thrown instanceof TokenError)
      assert.equal(thrown.code, 'secret-unusable')
      assert.match(thrown.message, text)
      return true
    })
  return { clock, world, open, refused }
}

test('a certificate that does not open is tried once for each version of its Secret', async () => {
  const { world, open, refused } = build()
  const wrong = secretOf('wrong', '1')
  await Promise.all([refused(wrong, /does not open/), refused(wrong, /does not open/)])
  await refused(wrong, /does not open: the password/)
  assert.equal(world.reads, 1)
  await open(secretOf('pw', '2'))
  assert.equal(world.reads, 2)
})

test('an expired certificate stays open, and so does one that many want at once', async () => {
  const { clock, world, open, refused } = build()
  const secret = secretOf('pw', '1')
  const [first, second] = await Promise.all([open(secret), open(secret)])
  assert.equal(first, second)
  clock.jumpWallClock(60 * 24 * 3_600_000)
  for (let n = 0; n < 3; n += 1) await refused(secret, /expired on 2026-02-01/)
  assert.equal(world.reads, 1)
})

test('one that is expired from the start is opened once, too', async () => {
  const { clock, world, refused } = build()
  clock.jumpWallClock(60 * 24 * 3_600_000)
  for (let n = 0; n < 3; n += 1) await refused(secretOf('pw', '1'), /expired/)
  assert.equal(world.reads, 1)
})

test('a fault that says nothing about the certificate is not kept', async () => {
  const { world, open } = build()
  world.fault = true
  await assert.rejects(open(secretOf('pw', '1')), /out of memory/)
  world.fault = false
  await open(secretOf('pw', '1'))
})

test('256 Secrets are kept; the one whose use is longest ago makes room', async () => {
  const { world, refused } = build()
  const wrong = secretOf('wrong', '1')
  await refused(wrong, /does not open/)
  for (let n = 0; n < 256; n += 1) {
    if (n === 255) await refused(wrong, /does not open/)
    await refused({ ...secretOf('', '1', `other-${n}`), data: {} }, /no key/)
  }
  await refused(wrong, /does not open/)
  assert.equal(world.reads, 1)
  for (let n = 0; n < 256; n += 1) await refused({ ...secretOf('', '1', `more-${n}`), data: {} }, /no key/)
  await refused(wrong, /does not open/)
  assert.equal(world.reads, 2)
})
