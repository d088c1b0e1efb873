import assert from 'node:assert/strict'
import type { KeyObject, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  type ChainMember,
  HAS_OPENSSL,
  KEY_KINDS,
  makeChain,
  makeMember,
  opensslPfx,
  PFX_KINDS,
} from '../../../test/make/certificate-chains.ts'
import { makeCertificate, makePkcs12 } from '../../../test/make/certificates.ts'
import { certificateSecret, renderingOf } from '../../../test/make/vault-objects.ts'
import { renderObject } from './render.ts'

const PEM = 'application/x-pem-file'
const PFX = 'application/x-pkcs12'
const ALONE = { constructPemChain: true, separateFiles: false }
const APART = { constructPemChain: true, separateFiles: true }
const WANTED = { type: 'secret', name: 'tls', format: 'pem', encoding: 'utf-8' } as const
const needs = { skip: HAS_OPENSSL ? false : 'openssl is not installed' }

async function files(
  secret: ReturnType<typeof certificateSecret>,
  wanted: Partial<Parameters<typeof renderObject>[1]> = {},
  settings = ALONE,
): Promise<Record<string, string>> {
  const parts = await renderObject(secret, { ...WANTED, ...wanted }, renderingOf(settings))
  return Object.fromEntries(parts.map(({ suffix, contents }) => [suffix, contents.toString('latin1')]))
}

const fails = (wrong: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(wrong, { name: 'MountFailure', code: 'object-unusable', message })

const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const pemOf = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('')
const certificatesOf = (chain: readonly ChainMember[]): X509Certificate[] =>
  chain.map(({ certificate }) => certificate)

for (const kind of KEY_KINDS)
  test(`${kind}: PEM and every PKCS#12, with and without a chain`, needs, async () => {
    const whole = await makeChain(['shop', 'issuing', 'root'], {}, { kind })
    const [leaf] = whole
    assert.ok(leaf !== undefined)
    for (const chain of [whole, [leaf]]) {
      const certificates = certificatesOf(chain)
      const crt = pemOf(certificates)
      const key = keyPem(leaf.key)
      const right = { '': key + crt, '.crt': crt, '.key': key }
      assert.deepEqual(await files(certificateSecret(key + crt, PEM), {}, APART), right)
      for (const flags of Object.values(PFX_KINDS)) {
        const pfx = opensslPfx({ key: leaf.key, certificates }, flags)
        const text = pfx.toString('base64')
        const secret = certificateSecret(text, PFX)
        assert.deepEqual(await files(secret), { '': right[''] })
        assert.deepEqual(await files(secret, {}, APART), right)
        assert.deepEqual(await files(secret, { format: 'pfx' }), { '': text })
        assert.deepEqual(await files(secret, { format: 'pfx', encoding: 'base64' }, APART), {
          ...right,
          '': pfx.toString('latin1'),
        })
        assert.deepEqual(await files(certificateSecret(text)), { '': right[''] })
      }
    }
  })

test('PEM is not touched: order, texts between blocks and line ends stay', async () => {
  const [leaf, root] = await makeChain(['shop', 'root'])
  assert.ok(leaf !== undefined && root !== undefined)
  const text = `Bag Attributes\r\n${pemOf([root.certificate, leaf.certificate]).replaceAll('\n', '\r\n')}# key\n${keyPem(leaf.key)}`
  for (const secret of [certificateSecret(text, PEM), certificateSecret(text)]) {
    assert.deepEqual(await files(secret, {}, APART), {
      '': text,
      '.crt': pemOf([root.certificate, leaf.certificate]),
      '.key': keyPem(leaf.key),
    })
    assert.deepEqual(await files(secret, { format: 'pfx' }), { '': text })
  }
})

test('PKCS#12 comes leaf first, or as it was when that is not asked for', async () => {
  const root = makeCertificate({ name: 'root' })
  const leaf = makeCertificate({ issuer: root })
  const file = makePkcs12({ key: leaf, certificates: [root, leaf] }, '')
  const secret = certificateSecret(Buffer.from(file).toString('base64'), PFX)
  const unix = (pem: string): string => pem.replaceAll('\r\n', '\n')
  const first = await files(secret, {}, APART)
  assert.equal(first['.crt'], unix(leaf.certificatePem + root.certificatePem))
  const asIs = await files(secret, {}, { ...APART, constructPemChain: false })
  assert.equal(asIs['.crt'], unix(root.certificatePem + leaf.certificatePem))
  assert.equal(asIs[''], `${asIs['.key']}${asIs['.crt']}`)
})

test('a certificate whose key stays in the vault comes without one', needs, async () => {
  const certificates = certificatesOf(await makeChain(['shop', 'root']))
  const pfx = opensslPfx({ certificates: certificates.toReversed() }, PFX_KINDS['AES-256'])
  assert.deepEqual(await files(certificateSecret(pfx.toString('base64'), PFX), {}, APART), {
    '': pemOf(certificates),
    '.crt': pemOf(certificates),
    '.key': '',
  })
})

test('a private key without its certificate fails with that text, in PEM and PKCS#12', async () => {
  const [one, other] = [await makeMember({ name: 'one' }), await makeMember({ name: 'other' })]
  const text = keyPem(one.key) + pemOf([other.certificate])
  const message =
    /^failed to get objectType:secret, objectName:tls, .*private key does not fit its certificate/
  await fails(files(certificateSecret(text, PEM)), message)
  const [key, foreign] = [makeCertificate(), makeCertificate({ name: 'foreign' })]
  const file = Buffer.from(makePkcs12({ key, certificates: [foreign] }, '')).toString('base64')
  for (const settings of [ALONE, { ...ALONE, constructPemChain: false }])
    await fails(files(certificateSecret(file, PFX), {}, settings), message)
  await fails(files(certificateSecret(file, PFX), { format: 'pfx' }, APART), message)
})

test('content types: known in any case, looked for when missing, else an error', async () => {
  const { key, certificate } = await makeMember({ name: 'shop' })
  const text = keyPem(key) + pemOf([certificate])
  assert.deepEqual(await files(certificateSecret(text, ' Application/X-PEM-File ')), { '': text })
  assert.deepEqual(await files(certificateSecret(text, '')), { '': text })
  await fails(
    files(certificateSecret(text, 'text/plain')),
    /: failed to get certificate. unknown content type 'text\/plain'$/,
  )
  for (const value of ['', 'hello', 'AAAA', '{}'])
    await fails(
      files(certificateSecret(value)),
      /unknown content type '', and its value is neither PEM nor PKCS#12$/,
    )
})

test('an encoding that does not go with the file is an error that says what to do', async () => {
  const made = makeCertificate()
  const file = Buffer.from(makePkcs12({ key: made, certificates: [made] }, '')).toString('base64')
  const pfx = certificateSecret(file, PFX)
  for (const encoding of ['base64', 'hex'] as const) {
    const start = `objectEncoding: ${encoding} does not go with a certificate that becomes PEM text: leave it out`
    await fails(files(pfx, { encoding }), new RegExp(`${start}, or ask for objectFormat: pfx$`))
    await fails(files(certificateSecret(made.certificatePem, PEM), { encoding }), new RegExp(`${start}$`))
  }
  await fails(files(pfx, { format: 'pfx', encoding: 'hex' }), /hex does not go with objectFormat: pfx/)
})

test('a PKCS#12 that cannot be opened fails with the reason', async () => {
  const made = makeCertificate()
  const secret = (bytes: Uint8Array) => certificateSecret(Buffer.from(bytes).toString('base64'), PFX)
  const wrong = (bytes: Uint8Array, message: RegExp) => fails(files(secret(bytes)), message)
  await wrong(makePkcs12({ key: made, certificates: [made] }, 'pw'), /the password does not fit$/)
  await wrong(Buffer.from('hello'), /it is not a PKCS#12 file$/)
  await fails(files(certificateSecret('?', PFX)), /its PKCS#12 is not base64: illegal base64 data$/)
  const bomb = makePkcs12({ key: made, certificates: [made] }, '', { count: 20_001 })
  await wrong(bomb, /it asks for more than 40000 rounds of key derivation$/)
  const many = Array.from({ length: 33 }, () => made)
  await wrong(makePkcs12({ key: made, certificates: many }, ''), /more than 32 certificates$/)
})
