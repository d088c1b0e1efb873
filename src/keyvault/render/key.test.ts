import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { renderingOf, vaultKey } from '../../../test/make/vault-objects.ts'
import type { VaultKey } from '../../azure/vault-objects.ts'
import { renderObject } from './render.ts'

type Jwk = VaultKey['jwk']

const RENDERING = renderingOf({ constructPemChain: true, separateFiles: true })
const WANTED = { type: 'key', name: 'sign', format: 'pem', encoding: 'utf-8' } as const

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const ec = ['P-256', 'P-384', 'P-521'].map(
  (namedCurve) => generateKeyPairSync('ec', { namedCurve }).publicKey,
)

function jwkOf(key: KeyObject, more: JsonWebKey = {}): Jwk {
  const { kty = '', crv, n, e, x, y } = { ...key.export({ format: 'jwk' }), ...more }
  const members = Object.entries({ crv, n, e, x, y }).filter(([, value]) => value !== undefined)
  return { kty, ...Object.fromEntries(members) }
}

async function pem(jwk: Jwk): Promise<string> {
  const parts = await renderObject(vaultKey(jwk), WANTED, RENDERING)
  return parts.map(({ suffix, contents }) => `${suffix}${contents.toString()}`).join()
}

const fails = (jwk: Jwk, message: RegExp): Promise<void> =>
  assert.rejects(pem(jwk), { name: 'MountFailure', code: 'object-unusable', message })

test('public keys of all kinds become SubjectPublicKeyInfo in PEM', async () => {
  for (const key of [rsa, ...ec]) {
    const right = key.export({ type: 'spki', format: 'pem' })
    const { kty } = jwkOf(key)
    assert.equal(await pem(jwkOf(key)), right)
    assert.equal(await pem(jwkOf(key, { kty: `${kty}-HSM` })), right)
  }
})

test('numbers with leading zeros, or without those they should have, mean the same', async () => {
  for (const key of [rsa, ...ec]) {
    const { kty, crv, ...numbers } = jwkOf(key)
    const other = Object.fromEntries(
      Object.entries(numbers).map(([member, text]) => [
        member,
        Buffer.concat([Buffer.alloc(3), Buffer.from(text, 'base64url')]).toString('base64url'),
      ]),
    )
    const jwk = crv === undefined ? { kty, ...other } : { kty, crv, ...other }
    assert.equal(await pem(jwk), key.export({ type: 'spki', format: 'pem' }))
  }
  // The first octet of x is zero.
  const point = {
    kty: 'EC',
    crv: 'P-256',
    x: 'AM5tX74RveXA1RQO7LNcEQmjDyzrlERYENSq5Z4Movg',
    y: 'DmDc633w3Wcp2YaS9hhPPrD4paVlwJcMbOy0bL0J3C0',
  }
  const cut = Buffer.from(point.x, 'base64url').subarray(1).toString('base64url')
  assert.equal(await pem({ ...point, x: cut }), await pem(point))
})

test('other kinds fail in the words of the old provider', async () => {
  const prefix = 'failed to get objectType:key, objectName:sign, objectVersion:v1: '
  await fails(
    { kty: 'oct' },
    new RegExp(`^${prefix}failed to get key. key type 'oct' currently not supported$`),
  )
  await fails({ kty: 'oct-HSM' }, /key type 'oct-HSM' currently not supported$/)
  await fails({ kty: 'EC', crv: 'P-256K', x: 'AA', y: 'AA' }, /curve 'P-256K' is not supported$/)
  await fails({ kty: 'EC' }, /curve '' is not supported$/)
  await fails({ kty: 'RSA', e: 'AQAB' }, /key value is nil: it has no n$/)
})

test('hostile keys fail, each with its reason', async () => {
  const right = jwkOf(rsa)
  const [p256] = ec
  assert.ok(p256 !== undefined)
  const point = jwkOf(p256)
  const bytes = (size: number): string => Buffer.alloc(size, 0xff).toString('base64url')
  await fails({ ...right, n: bytes(2049) }, /n of its key has 2049 octets, not 64 to 2048$/)
  await fails({ ...right, n: bytes(4_000_000) }, /n of its key has 4000000 octets/)
  await fails({ ...right, n: bytes(8) }, /n of its key has 8 octets/)
  await fails({ ...right, n: 'AAAA' }, /n of its key has 0 octets/)
  await fails({ ...right, n: Buffer.alloc(256, 2).toString('base64url') }, /no number that RSA can use$/)
  await fails({ ...right, e: bytes(9) }, /e of its key has 9 octets, not 1 to 8$/)
  await fails({ ...right, e: 'AQ' }, /e of its key is no number that RSA can use$/)
  await fails({ ...right, e: 'AQ+B' }, /e of its key is not base64url$/)
  await fails({ ...point, x: bytes(33) }, /x of its key has 33 octets, not 0 to 32$/)
  await fails({ ...point, y: bytes(32) }, /public key cannot be read$/)
  await fails({ ...point, crv: 'P-384' }, /public key cannot be read$/)
  await fails({ ...point, x: 'AAAA', y: 'AAAA' }, /public key cannot be read$/)
  await fails({ kty: `R${'S'.repeat(500)}A\n` }, /key type 'RS{127}…' currently not supported$/)
  await fails({ kty: 'a\nb' }, /key type 'a\?b'/)
})
