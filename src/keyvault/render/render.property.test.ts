import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { makeCertificate, makePkcs12 } from '../../../test/make/certificates.ts'
import {
  certificateSecret,
  renderingOf,
  vaultCertificate,
  vaultKey,
  vaultSecret,
} from '../../../test/make/vault-objects.ts'
import type { VaultObject } from '../../azure/vault-objects.ts'
import { MountFailure } from '../mount-failure.ts'
import { renderObject } from './render.ts'

/** Nothing that an error text of ours could hold by itself. */
const MARK = 'Xq7Zk9Wv'

const wanted = fc.record({
  type: fc.constant('secret' as const),
  name: fc.constant('tls'),
  format: fc.constantFrom('pem' as const, 'pfx' as const),
  encoding: fc.constantFrom('utf-8' as const, 'hex' as const, 'base64' as const),
})
const settings = fc.record({ constructPemChain: fc.boolean(), separateFiles: fc.boolean() }).map(renderingOf)

type Rest = [Parameters<typeof renderObject>[1], Parameters<typeof renderObject>[2]]

/** True when it was rendered, false when it failed as it should. */
async function holds(object: VaultObject, ...rest: Rest): Promise<boolean> {
  try {
    await renderObject(object, ...rest)
    return true
  } catch (thrown) {
    assert.ok(thrown instanceof MountFailure, inspect(thrown))
    assert.equal(thrown.code, 'object-unusable')
    assert.ok(!inspect(thrown, { depth: 10, showHidden: true }).includes(MARK), 'it shows the content')
    return false
  }
}

const contentType = fc.constantFrom(
  undefined,
  '',
  'application/x-pem-file',
  'application/x-pkcs12',
  'text/plain',
)
const block = fc
  .tuple(fc.constantFrom('CERTIFICATE', 'PRIVATE KEY', 'EC PRIVATE KEY', MARK), fc.base64String())
  .map(([label, body]) => `-----BEGIN ${label}-----\n${MARK}${body}\n-----END ${label}-----\n`)
const content = fc.oneof(
  fc.string().map((text) => `${text}${MARK}`),
  fc.base64String().map((text) => `${MARK}${text}`),
  fc.array(block, { maxLength: 4 }).map((blocks) => blocks.join('')),
  fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from([0x30, ...bytes]).toString('base64')),
)

test('whatever a secret holds, nothing but MountFailure comes, and it never shows the content', async () => {
  let rendered = 0
  await fc.assert(
    fc.asyncProperty(content, contentType, wanted, settings, async (value, type, ...rest) => {
      if (await holds(certificateSecret(value, type), ...rest)) rendered += 1
      if (await holds(vaultSecret(value), ...rest)) rendered += 1
    }),
    { numRuns: 400 },
  )
  assert.ok(rendered > 0)
})

test('whatever is damaged in a PKCS#12 file', async () => {
  const made = makeCertificate({ name: MARK })
  const good = makePkcs12({ key: made, certificates: [made] }, '', { count: 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.nat(255),
      fc.boolean(),
      settings,
      async (at, value, cut, how) => {
        const bytes = Buffer.from(cut ? good.subarray(0, at) : good)
        if (!cut) bytes[at] = value
        const secret = certificateSecret(bytes.toString('base64'), 'application/x-pkcs12')
        await holds(secret, { type: 'secret', name: 'tls', format: 'pem', encoding: 'utf-8' }, how)
      },
    ),
    { numRuns: 150 },
  )
})

test('whatever is in a key or a certificate', async () => {
  const number = fc.oneof(fc.string(), fc.base64String(), fc.uint8Array({ maxLength: 70 }).map(urlText))
  const jwk = fc.record(
    {
      kty: fc.oneof(fc.constantFrom('RSA', 'EC', 'RSA-HSM', 'EC-HSM', 'oct'), fc.string()),
      crv: fc.oneof(fc.constantFrom('P-256', 'P-384', 'P-521', 'P-256K'), fc.string()),
      n: number,
      e: number,
      x: number,
      y: number,
    },
    { requiredKeys: ['kty'] },
  )
  await fc.assert(
    fc.asyncProperty(jwk, fc.uint8Array(), wanted, settings, async (key, der, ...rest) => {
      await holds(vaultKey(key), ...rest)
      assert.equal(await holds(vaultCertificate(Buffer.from(der)), ...rest), false)
    }),
    { numRuns: 300 },
  )
})

function urlText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
