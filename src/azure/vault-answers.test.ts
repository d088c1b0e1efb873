import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseVaultObject, parseVaultVersions, type VaultAddress } from './vault-answers.ts'
import type { VaultShelf } from './vault-objects.ts'

const VERSION = '4387e9f3d6e14c459867679a90fd0f79'

function asked(shelf: VaultShelf, version = ''): VaultAddress {
  return { shelf, name: 'price', version }
}

const body = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

const idOf = (shelf: string, rest = `price/${VERSION}`): string =>
  `https://shop.vault.azure.net/${shelf}/${rest}`

test('a secret is read with its version, content type and key', () => {
  const answer = {
    value: '42',
    id: idOf('secrets'),
    contentType: 'application/x-pkcs12',
    kid: idOf('keys'),
    attributes: { enabled: true },
  }
  const secret = parseVaultObject(body(answer), asked('secrets'))
  assert.ok(secret?.shelf === 'secrets')
  const { value, ...rest } = secret
  assert.equal(value.reveal(), '42')
  assert.deepEqual(rest, {
    shelf: 'secrets',
    version: VERSION,
    contentType: 'application/x-pkcs12',
    keyId: idOf('keys'),
  })
  assert.ok(!JSON.stringify(secret).includes('42"'))
})

test('null members are as absent ones', () => {
  const answer = { value: '', id: idOf('secrets'), contentType: null, kid: null }
  const secret = parseVaultObject(body(answer), asked('secrets'))
  assert.deepEqual(Object.keys(secret ?? {}), ['shelf', 'version', 'value'])
})

test('a key keeps the members of its JWK', () => {
  const key = { kid: idOf('keys'), kty: 'EC-HSM', crv: 'P-256', x: 'AA', y: 'BB', key_ops: ['sign'] }
  assert.deepEqual(parseVaultObject(body({ key }), asked('keys')), {
    shelf: 'keys',
    version: VERSION,
    jwk: { kty: 'EC-HSM', crv: 'P-256', x: 'AA', y: 'BB' },
  })
})

test('a certificate gives its DER', () => {
  const answer = { id: idOf('certificates'), cer: Buffer.from([0x30, 0x01]).toString('base64') }
  assert.deepEqual(parseVaultObject(body(answer), asked('certificates')), {
    shelf: 'certificates',
    version: VERSION,
    der: Buffer.from([0x30, 0x01]),
  })
})

test('what is not the object that was asked for is none', () => {
  const good = { value: '42', id: idOf('secrets') }
  const pinned = asked('secrets', VERSION.toUpperCase())
  assert.ok(parseVaultObject(body(good), pinned))
  const wrong: unknown[] = [
    null,
    [],
    { ...good, value: undefined },
    { ...good, value: 42 },
    { ...good, id: undefined },
    { ...good, id: 'price' },
    { ...good, id: idOf('keys') },
    { ...good, id: idOf('secrets', 'price') },
    { ...good, id: idOf('secrets', `other/${VERSION}`) },
    { ...good, id: idOf('secrets', `price/${VERSION}/more`) },
    { ...good, id: idOf('secrets', 'price/00000000000000000000000000000000') },
    { ...good, id: idOf('secrets', 'price/%0a') },
  ]
  for (const answer of wrong)
    assert.equal(parseVaultObject(body(answer), pinned), undefined, JSON.stringify(answer))
  for (const text of ['', '{', '<html>'])
    assert.equal(parseVaultObject(Buffer.from(text), asked('secrets')), undefined)
  const certificate = { id: idOf('certificates'), cer: 'not base64!' }
  assert.equal(parseVaultObject(body(certificate), asked('certificates')), undefined)
})

test('a page of versions has its lines and its link, and says nothing of enabled as disabled', () => {
  const page = {
    value: [
      { id: idOf('secrets'), attributes: { enabled: true, created: 5 } },
      { id: idOf('secrets', 'price/2'), attributes: { enabled: false, created: 6 } },
      { id: idOf('secrets', 'price/3') },
      { id: idOf('secrets', 'price/4'), attributes: null },
    ],
    nextLink: 'https://next/',
  }
  assert.deepEqual(parseVaultVersions(body(page), asked('secrets')), {
    versions: [
      { version: VERSION, enabled: true, created: 5 },
      { version: '2', enabled: false, created: 6 },
      { version: '3', enabled: false, created: 0 },
      { version: '4', enabled: false, created: 0 },
    ],
    nextLink: 'https://next/',
  })
  const keys = { value: [{ kid: idOf('keys'), attributes: { enabled: true } }], nextLink: null }
  assert.deepEqual(parseVaultVersions(body(keys), asked('keys')), {
    versions: [{ version: VERSION, enabled: true, created: 0 }],
    nextLink: '',
  })
  assert.deepEqual(parseVaultVersions(body({ value: null }), asked('keys')), { versions: [], nextLink: '' })
})

test('a list with a line of something else is none', () => {
  const page = { value: [{ id: idOf('secrets') }, { id: idOf('secrets', 'other/1') }] }
  assert.equal(parseVaultVersions(body(page), asked('secrets')), undefined)
  assert.equal(parseVaultVersions(body([]), asked('secrets')), undefined)
})
