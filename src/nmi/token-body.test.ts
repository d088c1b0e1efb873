import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SecretString } from '../base/secret.ts'
import type { AccessToken } from '../tokens/token-source.ts'
import { createTokenBodies } from './token-body.ts'

const NOW = 1_800_000_000_000

function token(fields: Partial<AccessToken> = {}): AccessToken {
  return {
    value: new SecretString('a.b.c'),
    expiresOn: 1_800_003_600,
    notBefore: 1_799_999_700,
    tokenType: 'Bearer',
    clientId: 'c',
    ...fields,
  }
}

test('the body holds the fields of IMDS, each a string', () => {
  const body = createTokenBodies().of([token()], { resource: 'r', clientId: 'asked' }, NOW)
  assert.deepEqual(JSON.parse(body), {
    access_token: 'a.b.c',
    client_id: 'asked',
    refresh_token: '',
    expires_in: '3600',
    ext_expires_in: '3600',
    expires_on: '1800003600',
    not_before: '1799999700',
    resource: 'r',
    token_type: 'Bearer',
  })
})

test('expires_in follows the clock and never falls below 0', () => {
  const bodies = createTokenBodies()
  const expiring = token()
  const left = (nowMs: number): unknown => {
    const body = JSON.parse(bodies.of([expiring], { resource: 'r', clientId: '' }, nowMs)) as Record<
      string,
      unknown
    >
    return body['expires_in']
  }
  assert.equal(left(NOW), '3600')
  assert.equal(left(NOW + 1_000), '3599')
  assert.equal(left(NOW + 1_500), '3598')
  assert.equal(left(NOW + 9_999_000), '0')
})

test('one token that serves two resources and clients is never written with the words of the other', () => {
  const bodies = createTokenBodies()
  const shared = token()
  for (const resource of ['https://a', 'https://a/', 'https://a']) {
    for (const clientId of ['one', 'two', '']) {
      const body = JSON.parse(bodies.of([shared], { resource, clientId }, NOW)) as Record<string, unknown>
      assert.equal(body['resource'], resource)
      assert.equal(body['client_id'], clientId === '' ? 'c' : clientId)
    }
  }
})

test('several tokens make an array, the first first', () => {
  const several = [token(), token({ value: new SecretString('second') })]
  const body = JSON.parse(createTokenBodies().of(several, { resource: 'r', clientId: '' }, NOW)) as Record<
    string,
    unknown
  >[]
  assert.deepEqual(
    body.map((each) => each['access_token']),
    ['a.b.c', 'second'],
  )
})

test('whatever stands in a resource or a token, the body is JSON that gives it back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (resource, text) => {
      const body = createTokenBodies().of(
        [token({ value: new SecretString(text) })],
        { resource, clientId: '' },
        NOW,
      )
      const parsed = JSON.parse(body) as Record<string, unknown>
      assert.equal(parsed['resource'], resource)
      assert.equal(parsed['access_token'], text)
    }),
  )
})
