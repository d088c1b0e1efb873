import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecretString } from '../base/secret.ts'
import type { VaultErrorKind } from './vault-error.ts'
import { vaultRefusal } from './vault-refusal.ts'

const HOST = 'shop.vault.azure.net'
const TENANT = '11111111-2222-4333-8444-555555555555'
const OTHER = '99999999-2222-4333-8444-555555555555'

const tokenOf = (claims: object): SecretString =>
  new SecretString(
    `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`,
  )

const TOKEN = tokenOf({ aud: 'https://vault.azure.net', tid: TENANT })

function refusal(status: number, body: unknown, more: { challenge?: string; token?: SecretString } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const contentType = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json'
  const { challenge, token = TOKEN } = more
  const answer = {
    status,
    contentType,
    body: Buffer.from(text),
    ...(challenge === undefined ? {} : { challenge }),
  }
  return vaultRefusal(answer, HOST, token)
}

const error = (code: string, message: string, inner?: string) => ({
  error: { code, message, ...(inner === undefined ? {} : { innererror: { code: inner } }) },
})

test("each answer has its kind and Key Vault's own code", () => {
  const cases: [number, unknown, VaultErrorKind, string][] = [
    [401, error('Unauthorized', 'AKV10001: JWT token is malformed.'), 'unauthorized', 'AKV10001'],
    [401, '<html>', 'unavailable', ''],
    [403, error('Forbidden', 'x', 'ForbiddenByRbac'), 'forbidden', 'ForbiddenByRbac'],
    [403, error('Forbidden', 'x', 'ForbiddenByPolicy'), 'forbidden', 'ForbiddenByPolicy'],
    [403, error('Forbidden', 'x', 'AccessDenied'), 'forbidden', 'AccessDenied'],
    [403, error('Forbidden', 'x'), 'forbidden', 'Forbidden'],
    [403, error('Forbidden', 'x', 'ForbiddenByFirewall'), 'firewall', 'ForbiddenByFirewall'],
    [403, error('Forbidden', 'x', 'ForbiddenByConnection'), 'firewall', 'ForbiddenByConnection'],
    [403, error('Forbidden', 'Client address is not authorized and caller is not'), 'firewall', 'Forbidden'],
    [403, error('Forbidden', 'x', 'SecretDisabled'), 'disabled', 'SecretDisabled'],
    [403, error('Forbidden', 'x', 'SecretExpired'), 'disabled', 'SecretExpired'],
    [403, error('Forbidden', 'x', 'KeyNotYetValid'), 'disabled', 'KeyNotYetValid'],
    [403, error('Forbidden', 'Operation get is not allowed on a disabled secret.'), 'disabled', 'Forbidden'],
    [403, '<html>denied by a proxy</html>', 'unavailable', ''],
    [404, error('SecretNotFound', 'x'), 'not-found', 'SecretNotFound'],
    [404, error('VaultNotFound', 'x'), 'unavailable', 'VaultNotFound'],
    [404, '<html>', 'unavailable', ''],
    [408, error('Timeout', 'x'), 'unavailable', 'Timeout'],
    [429, error('Throttled', 'x'), 'throttled', 'Throttled'],
    [429, '', 'throttled', ''],
    [400, error('BadParameter', 'x'), 'refused', 'BadParameter'],
    [400, 'nonsense', 'unavailable', ''],
    [302, '', 'unavailable', ''],
    [500, error('InternalServerError', 'x'), 'unavailable', 'InternalServerError'],
    [503, '', 'unavailable', ''],
  ]
  for (const [status, body, kind, code] of cases) {
    const thrown = refusal(status, body)
    const told = `${status} ${JSON.stringify(body)}`
    assert.equal(thrown.kind, kind, told)
    assert.equal(thrown.vaultCode, code, told)
    assert.equal(thrown.status, status)
  }
})

test('the spelling innerError is read too', () => {
  const body = { error: { code: 'Forbidden', message: 'x', innerError: { code: 'SecretDisabled' } } }
  assert.equal(refusal(403, body).kind, 'disabled')
})

test('texts are one sentence in one line, with the address that a firewall refuses', () => {
  const firewall = error(
    'Forbidden',
    'Client address is not authorized and caller is not a trusted service.\r\nClient address: 20.1.2.3\r\nCaller: appid=1;oid=2\r\nVault: shop;location=westeurope',
    'ForbiddenByFirewall',
  )
  assert.equal(
    refusal(403, firewall).message,
    'Forbidden: Client address is not authorized and caller is not a trusted service (client address 20.1.2.3)',
  )
  assert.equal(
    refusal(502, '<html>').message,
    `${HOST} answered 502 with text/html that is no error of Key Vault`,
  )
  assert.equal(
    refusal(503, '').message,
    `${HOST} answered 503 with an empty body that is no error of Key Vault`,
  )
})

test('a token that is sent back is not in the text', () => {
  const { message } = refusal(400, error('BadParameter', `what is ${TOKEN.reveal()} here`))
  assert.ok(!message.includes('signature'), message)
})

test('a 401 names both tenants or both audiences when they differ', () => {
  const body = error('Unauthorized', 'AKV10032: Invalid issuer. Expected one of a, found b.')
  const challenge = `Bearer authorization="https://login.microsoftonline.com/${OTHER}", resource="https://vault.azure.net"`
  assert.equal(
    refusal(401, body, { challenge }).message,
    `the token is of tenant ${TENANT}, the vault belongs to tenant ${OTHER}`,
  )
  const arm = tokenOf({ aud: 'https://management.azure.com/', tid: OTHER.toUpperCase() })
  assert.equal(
    refusal(401, body, { challenge, token: arm }).message,
    'the token is for https://management.azure.com, the vault takes tokens for https://vault.azure.net',
  )
  for (const aud of ['https://vault.azure.net/', 'cfa8b339-82a2-471a-a3c9-0fc0be7a4093']) {
    const right = tokenOf({ aud, iss: `https://sts.windows.net/${OTHER}/` })
    assert.equal(
      refusal(401, body, { challenge, token: right }).message,
      'Unauthorized: AKV10032: Invalid issuer',
    )
  }
})

test('a challenge with scope is read, and one of nonsense leaves the text of the body', () => {
  const body = error('Unauthorized', 'AKV10022: Invalid audience. Expected x, found y.')
  const scope = `Bearer authorization_uri="https://login.microsoftonline.us/${TENANT}", scope="https://vault.usgovcloudapi.net/.default"`
  assert.match(
    refusal(401, body, { challenge: scope }).message,
    /takes tokens for https:\/\/vault\.usgovcloudapi\.net$/,
  )
  const own = 'Unauthorized: AKV10022: Invalid audience'
  for (const challenge of [
    '',
    'Basic',
    'Bearer authorization="not an address", resource="javascript:1"',
    'Bearer ="',
  ])
    assert.equal(refusal(401, body, { challenge }).message, own)
  assert.equal(refusal(401, body, { challenge: scope, token: new SecretString('opaque') }).message, own)
})
