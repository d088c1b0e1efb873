import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTokenBody } from './token-answer.ts'
import { readClaims } from './token-claims.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const NOW = NOW_MS / 1000

function parse(body: Record<string, unknown>) {
  return parseTokenBody(Buffer.from(JSON.stringify(body)), NOW_MS)
}

test('an answer of IMDS with strings for numbers is read', () => {
  const token = parse({
    access_token: 'abc',
    client_id: 'CID',
    expires_in: '86399',
    expires_on: String(NOW + 86_399),
    not_before: String(NOW - 300),
    resource: 'https://vault.azure.net',
    token_type: 'Bearer',
    refresh_token: '',
  })
  assert.equal(token?.value.reveal(), 'abc')
  assert.equal(token.expiresOn, NOW + 86_399)
  assert.equal(token.lifetimeSeconds, 86_399)
  assert.equal(token.notBefore, NOW - 300)
  assert.equal(token.clientId, 'CID')
  assert.equal(token.refreshOn, undefined)
})

test('an answer of Entra with numbers and no expires_on is read', () => {
  const token = parse({ token_type: 'Bearer', expires_in: 3599, refresh_in: 1800, access_token: 'abc' })
  assert.equal(token?.expiresOn, NOW + 3599)
  assert.equal(token.refreshOn, NOW + 1800)
  assert.equal(token.notBefore, NOW)
})

test('an expiry may be a number, a numeric string or a date', () => {
  for (const expires_on of [
    NOW + 60,
    `${NOW + 60}`,
    '2026-01-01T00:01:00Z',
    '01/01/2026 00:01:00 +00:00',
    NOW + 60.7,
  ])
    assert.equal(parse({ access_token: 'a', expires_on })?.expiresOn, NOW + 60, String(expires_on))
})

test('an answer without a token or without an expiry is none', () => {
  for (const body of [
    {},
    { access_token: 'a' },
    { access_token: '', expires_in: 1 },
    { access_token: 'a b', expires_in: 1 },
    { access_token: 'a\r\nX: y', expires_in: 1 },
    { access_token: 5, expires_in: 1 },
    { access_token: 'a', expires_in: '' },
    { access_token: 'a', expires_on: 'tomorrow' },
    { access_token: 'a', expires_on: '-5' },
    { access_token: 'a', expires_on: 1e15 },
    { access_token: 'a', expires_in: 1, token_type: 'Bear er' },
  ])
    assert.equal(parse(body), undefined, JSON.stringify(body))
  for (const text of ['', '<html></html>', '{"access_token":"a"', '"a"', '[]'])
    assert.equal(parseTokenBody(Buffer.from(text), NOW_MS), undefined, text)
})

test('a token never prints', () => {
  const token = parse({ access_token: 'very-secret', expires_in: 5 })
  assert.ok(!JSON.stringify(token).includes('very-secret'))
})

test('no JSON value makes the reader throw or yield a time that is no whole second', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (expires_on, expires_in) => {
      const token = parse({ access_token: 'a', expires_on, expires_in })
      assert.ok(token === undefined || Number.isSafeInteger(token.expiresOn))
    }),
  )
})

test('claims give object id, client id and tenant of v1 and v2 tokens', () => {
  const oid = 'AAAAAAAA-0000-4000-8000-000000000001'
  const cid = 'bbbbbbbb-0000-4000-8000-000000000002'
  const jwt = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`
  assert.deepEqual(readClaims(jwt({ oid, appid: cid, tid: oid })), {
    objectId: oid.toLowerCase(),
    clientId: cid,
    tenantId: oid.toLowerCase(),
    resourceId: '',
  })
  assert.deepEqual(readClaims(jwt({ oid, azp: cid, tid: 'nonsense' })), {
    objectId: oid.toLowerCase(),
    clientId: cid,
    tenantId: '',
    resourceId: '',
  })
  for (const text of ['', 'opaque', 'a.b.c', jwt({ appid: cid }), jwt({ oid: 'me', appid: cid })])
    assert.equal(readClaims(text), undefined, text)
})
