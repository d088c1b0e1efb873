import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeIdentity, TENANT } from '../../test/make/objects.ts'
import type { AzureIdentity } from '../model/resources.ts'
import { principalKey, requestKey, shortId, tenantKey } from './token-key.ts'
import type { TokenRequest } from './token-source.ts'

const servicePrincipal = makeIdentity({
  type: 1,
  resourceId: '',
  tenantId: TENANT,
  clientPassword: { namespace: 'default', name: 'sp' },
})

const keyOf = (identity: AzureIdentity) => principalKey({ kind: 'identity', identity })

test('spellings of one identity share a key', () => {
  const one = makeIdentity()
  const other = makeIdentity({
    name: 'other',
    clientId: one.clientId.toUpperCase(),
    resourceId: `${one.resourceId.toUpperCase()}/`,
    namespace: 'elsewhere',
    resourceVersion: '9',
  })
  assert.equal(keyOf(one), keyOf({ ...other, tenantId: 'x' }))
})

test('every field that decides about a token separates keys', () => {
  const changes: Partial<AzureIdentity>[] = [
    { type: 2 },
    { clientId: 'other' },
    { tenantId: 'other' },
    { adEndpoint: 'https://other.example/' },
    { clientPassword: { namespace: 'default', name: 'other' } },
    { clientPassword: { namespace: 'other', name: 'sp' } },
    { namespace: 'other' },
    { namespaced: true },
    { auxiliaryTenantIds: ['other'] },
  ]
  const keys = [servicePrincipal, ...changes.map((change) => ({ ...servicePrincipal, ...change }))].map(keyOf)
  assert.equal(new Set(keys).size, keys.length)
})

test('an identity that only names the client id of another one does not share the token its Secret earned', () => {
  const thief = makeIdentity({
    ...servicePrincipal,
    namespace: 'elsewhere',
    clientPassword: { namespace: 'elsewhere', name: 'sp' },
  })
  assert.notEqual(keyOf(thief), keyOf(servicePrincipal))
})

test('the node never shares a key with an AzureIdentity', () => {
  const identity = makeIdentity()
  const node = principalKey({ kind: 'node', clientId: identity.clientId, resourceId: identity.resourceId })
  assert.notEqual(node, keyOf(identity))
  assert.notEqual(principalKey({ kind: 'node' }), keyOf(makeIdentity({ clientId: '', resourceId: '' })))
  assert.notEqual(
    principalKey({ kind: 'node', clientId: 'x' }),
    principalKey({ kind: 'node', objectId: 'x' }),
  )
})

test('the resource counts byte for byte and the tenant without case', () => {
  const request: TokenRequest = {
    principal: { kind: 'identity', identity: servicePrincipal },
    caller: 'pod',
    resource: 'https://vault.azure.net',
  }
  const key = requestKey(request)
  assert.notEqual(key, requestKey({ ...request, resource: 'https://vault.azure.net/' }))
  assert.notEqual(key, requestKey({ ...request, resource: 'https://Vault.azure.net' }))
  assert.notEqual(key, requestKey({ ...request, tenantId: 'other' }))
  assert.equal(key, requestKey({ ...request, tenantId: TENANT.toUpperCase() }))
  assert.equal(key, requestKey({ ...request, caller: 'another' }))
  assert.equal(tenantKey({ ...request, tenantId: 'Other' }), 'other')
})

test('no text in tenant and resource makes two different requests equal', () => {
  const part = fc.string({ unit: fc.constantFrom('a', '"', ',', '[', ']', '\\', '\n') })
  fc.assert(
    fc.property(part, part, part, part, (tenant, resource, otherTenant, otherResource) => {
      const request = (tenantId: string, text: string): TokenRequest => ({
        principal: { kind: 'identity', identity: servicePrincipal },
        caller: 'pod',
        resource: text,
        tenantId,
      })
      const same =
        tenantKey(request(tenant, '')) === tenantKey(request(otherTenant, '')) && resource === otherResource
      assert.equal(
        requestKey(request(tenant, resource)) === requestKey(request(otherTenant, otherResource)),
        same,
      )
    }),
  )
})

test('client ids are shortened for logs', () => {
  assert.equal(shortId('c0c0c0c0-0000-4000-8000-73686f700000'), 'c0c0...0000')
  assert.equal(shortId('short'), 'short')
})
