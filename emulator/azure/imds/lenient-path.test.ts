import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readLeniently, readStrictly } from './lenient-path.ts'

const TOKEN = 'metadata/identity/oauth2/token'

const REACHING = [
  '/metadata/identity/oauth2/token?resource=x',
  '/metadata/identity/oauth2/token/',
  '//metadata/identity/oauth2/token',
  '/METADATA/Identity/oauth2/Token',
  String.raw`\metadata\identity\oauth2\token`,
  '/metadata%5cidentity%5Coauth2/token',
  '/metadata%252fidentity%252foauth2%252ftoken',
  '/metadata/instance/../identity/oauth2/token',
  '/metadata/instance/%2e%2e/identity/./oauth2/token',
  '/metadata;a=b/identity/oauth2/token;c',
  '/metadata/identity/oauth2/token%00',
  'http://169.254.169.254/metadata/identity/oauth2/token',
  '/metadata/identity/oauth2/token%3fresource=x',
  '/metadata/identity/oauth2/token%20',
  '/metadata/identity/oauth2/token#x',
  '/%c0%af/metadata/identity/oauth2/token',
  '/metadata%u002fidentity/oauth2/token',
  '/ｍetadata/identity/oauth2/token',
]

for (const target of REACHING) {
  test(`a lenient host reads ${JSON.stringify(target)} as the token path`, () => {
    const reading = readLeniently(target)

    assert.deepEqual([reading.path, reading.credential], [TOKEN, 'token'])
  })
}

test('only the plain spelling counts as plain', () => {
  assert.equal(readLeniently('/metadata/identity/oauth2/token?x=/../').plain, true)
  assert.equal(readLeniently('/metadata/identity/oauth2/token/').plain, true)
  for (const target of REACHING.slice(2)) assert.equal(readLeniently(target).plain, false, target)
})

test('the strict reading takes nothing but the path itself and one trailing slash', () => {
  assert.equal(readStrictly('/metadata/identity/oauth2/token/?a=b').credential, 'token')
  for (const target of REACHING.slice(2)) assert.equal(readStrictly(target).credential, undefined, target)
})

test('the newer credential paths are told apart', () => {
  for (const name of ['getplatformmetadata', 'issuecredential', 'credential'])
    assert.equal(readLeniently(`/metadata/identity/${name}?cred-api-version=2.0`).credential, name)
})

test('other paths reach no credential', () => {
  for (const target of [
    '/metadata/instance',
    '/',
    '/metadata/identity/info',
    '/metadata/identity/oauth2/tokens',
    '/x/metadata/identity/oauth2/token',
  ])
    assert.equal(readLeniently(target).credential, undefined, target)
})
