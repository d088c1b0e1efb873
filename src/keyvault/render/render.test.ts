import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMember } from '../../../test/make/certificate-chains.ts'
import { renderingOf, vaultCertificate, vaultSecret } from '../../../test/make/vault-objects.ts'
import { MountFailure } from '../mount-failure.ts'
import type { WantedObject } from '../wanted-object.ts'
import { renderObject } from './render.ts'

const RENDERING = renderingOf({ constructPemChain: true, separateFiles: true })

type Wanted = Pick<WantedObject, 'format' | 'encoding' | 'type' | 'name'>

const secret = (encoding: Wanted['encoding']): Wanted => ({
  type: 'secret',
  name: 'db',
  format: 'pem',
  encoding,
})
const cert: Wanted = { type: 'cert', name: 'tls', format: 'pem', encoding: 'utf-8' }

async function contents(value: string, encoding: Wanted['encoding']): Promise<Buffer> {
  const parts = await renderObject(vaultSecret(value), secret(encoding), RENDERING)
  assert.deepEqual(
    parts.map(({ suffix }) => suffix),
    [''],
  )
  return parts[0]?.contents ?? assert.fail()
}

async function failure(value: string, encoding: Wanted['encoding']): Promise<string> {
  const thrown: unknown = await contents(value, encoding).catch((reason: unknown) => reason)
  assert.ok(thrown instanceof MountFailure, String(thrown))
  assert.equal(thrown.code, 'object-unusable')
  return thrown.message
}

test('a plain secret is its value, byte for byte, whatever it looks like', async () => {
  for (const value of ['', ' spaces \r\n', 'grüße 🔑', '-----BEGIN CERTIFICATE-----\nabc', 'AAAA'])
    assert.deepEqual(await contents(value, 'utf-8'), Buffer.from(value, 'utf8'))
})

test('hex and base64 become the bytes they stand for', async () => {
  assert.deepEqual(await contents('00fFa0', 'hex'), Buffer.from([0, 255, 160]))
  assert.deepEqual(await contents('', 'hex'), Buffer.alloc(0))
  assert.deepEqual(await contents('+/8=', 'base64'), Buffer.from([251, 255]))
  assert.deepEqual(await contents('AAEC\r\nAw==\n', 'base64'), Buffer.from([0, 1, 2, 3]))
  assert.deepEqual(await contents('', 'base64'), Buffer.alloc(0))
})

test('what is not hex or base64 fails with type and name, and without a bit of the value', async () => {
  const prefix = 'failed to get objectType:secret, objectName:db, objectVersion:v1: '
  for (const value of ['zz', '0x00', '00 ff', '00\n'])
    assert.equal(
      await failure(value, 'hex'),
      `${prefix}its value is not hex: encoding/hex: invalid byte`,
      value,
    )
  assert.match(await failure('abc', 'hex'), /odd length hex string$/)
  for (const value of ['-_8=', 'AA', 'AAA', 'A===', 'AA=A', 'AA==AAAA', 'AA A', '====', '=', 'AAAA='])
    assert.equal(
      await failure(value, 'base64'),
      `${prefix}its value is not base64: illegal base64 data`,
      value,
    )
})

test('large values are decoded at once', async () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024, 7)
  assert.deepEqual(await contents(bytes.toString('base64'), 'base64'), bytes)
  assert.deepEqual(await contents(bytes.toString('hex'), 'hex'), bytes)
})

test('a certificate becomes PEM of 64 columns, alone', async () => {
  const { certificate } = await makeMember({ name: 'tls' })
  const parts = await renderObject(vaultCertificate(certificate.raw), cert, RENDERING)
  assert.deepEqual(
    parts.map(({ suffix, contents: bytes }) => [suffix, bytes.toString()]),
    [['', certificate.toString()]],
  )
})

test('what is no certificate fails', async () => {
  const { certificate } = await makeMember({ name: 'tls' })
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /objectType:cert, objectName:tls, .*: certificate value is nil$/],
    [Buffer.from('hello'), /certificate cannot be read$/],
    [Buffer.from(certificate.toString()), /certificate cannot be read$/],
    [certificate.raw.subarray(0, -1), /certificate cannot be read$/],
  ]
  for (const [der, message] of cases)
    await assert.rejects(renderObject(vaultCertificate(der), cert, RENDERING), {
      name: 'MountFailure',
      code: 'object-unusable',
      message,
    })
})
