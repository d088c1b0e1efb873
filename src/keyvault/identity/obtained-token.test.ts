import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeIssued, makeJwt } from '../../../test/make/logins.ts'
import { clientIdOf, identityId, TENANT } from '../../../test/make/objects.ts'
import { type ObtainedToken, vaultToken } from './obtained-token.ts'

const OBJECT = 'D0D0D0D0-0000-4000-8000-000000000001'
const ORIGIN = 'https://login.microsoftonline.com'

function obtained(claims: object | string, fields: Partial<ObtainedToken> = {}): ObtainedToken {
  const text = typeof claims === 'string' ? claims : makeJwt(claims)
  return {
    issued: makeIssued({ text }),
    way: 'workload identity',
    clientId: clientIdOf('shop'),
    authority: ORIGIN,
    ...fields,
  }
}

const reader = (...given: Parameters<typeof obtained>) => vaultToken(obtained(...given)).reader

test('two tokens of one principal have one reader key, and it names authority, tenant and object id', () => {
  const first = reader({ oid: OBJECT, tid: TENANT.toUpperCase(), uti: 'a' })
  assert.equal(first, JSON.stringify([ORIGIN, TENANT, OBJECT.toLowerCase()]))
  assert.equal(reader({ oid: OBJECT.toLowerCase(), tid: TENANT, uti: 'b' }), first)
})

test('nobody gets the key of another by an object id in a tenant, or at an authority, of his own', () => {
  const victim = reader({ oid: OBJECT, tid: TENANT })
  const keys = [
    reader({ oid: OBJECT, tid: '11111111-0000-4000-8000-000000000001' }),
    reader({ oid: OBJECT, tid: TENANT }, { authority: 'https://login.evil.example' }),
    reader({ oid: OBJECT, tid: TENANT }, { authority: 'nmi https://login.evil.example' }),
    reader({ oid: OBJECT, tid: TENANT }, { authority: 'imds' }),
    reader({ oid: OBJECT, tid: TENANT }, { authority: '' }),
  ]
  assert.equal(new Set([victim, ...keys]).size, 6)
})

test('a token that is not understood, or whose maker is not known, is read by its own bearers alone', () => {
  for (const [claims, fields] of [
    ['opaque', {}],
    [{ oid: OBJECT }, {}],
    [{ tid: TENANT }, {}],
    [{ oid: OBJECT, tid: TENANT }, { authority: '' }],
  ] as const) {
    const key = reader(claims, fields)
    assert.match(key, /^\["token","[0-9a-f]{64}"\]$/)
    assert.equal(reader(claims, fields), key)
    const other = typeof claims === 'string' ? 'other' : { ...claims, uti: 'b' }
    assert.notEqual(reader(other, fields), key)
  }
})

test('the words for a token hold whole ids and the name of a managed identity, and never the token', () => {
  const oid = OBJECT.toLowerCase()
  const client = clientIdOf('shop')
  const cases: [ObtainedToken, string][] = [
    [
      obtained({ oid, xms_mirid: identityId('shop') }),
      `workload identity shop (client id ${client}, object id ${oid})`,
    ],
    [obtained({ oid, xms_mirid: 'x (evil)' }), `workload identity (client id ${client}, object id ${oid})`],
    [obtained('opaque'), `workload identity (client id ${client})`],
    [
      obtained({ oid, appid: client }, { clientId: '' }),
      `workload identity (client id ${client}, object id ${oid})`,
    ],
    [
      obtained('opaque', { clientId: '', way: 'managed identity of the node' }),
      'managed identity of the node',
    ],
  ]
  for (const [each, words] of cases) {
    const token = vaultToken(each)
    assert.equal(token.who, words)
    assert.ok(!JSON.stringify(token).includes(each.issued.value.reveal()))
  }
  assert.equal(vaultToken(obtained({ oid })).objectId, oid)
  assert.equal(vaultToken(obtained('opaque')).objectId, '')
})
