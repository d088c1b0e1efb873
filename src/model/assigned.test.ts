import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeAssigned, makeBinding, makeIdentity } from '../../test/make/objects.ts'
import {
  assignableId,
  assignedIdentityManifest,
  assignedIdentityName,
  assignedIdentityNamespace,
  sameAssignment,
  suffixedName,
} from './assigned.ts'

const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/

test('the name is pod, namespace and identity, as it always was', () => {
  assert.equal(assignedIdentityName('shop-0', 'web', makeIdentity({ name: 'shop' })), 'shop-0-web-shop')
})

test('a name that is too long is cut and hashed to a valid one that stays the same', () => {
  const identity = makeIdentity({ name: `${'i'.repeat(120)}.x` })
  const pod = 'p'.repeat(119)
  const name = assignedIdentityName(pod, 'web', identity)
  assert.equal(name.length <= 253, true)
  const long = assignedIdentityName(`${pod}.${'q'.repeat(60)}`, 'web', identity)
  assert.equal(long.length, 253)
  assert.match(long, DNS_SUBDOMAIN)
  assert.equal(long, assignedIdentityName(`${pod}.${'q'.repeat(60)}`, 'web', identity))
})

test('the suffix tells identities of one name in two namespaces apart, and pods whose names run together', () => {
  const names = [
    suffixedName('p', 'n', makeIdentity({ namespace: 'a', name: 'i' })),
    suffixedName('p', 'n', makeIdentity({ namespace: 'b', name: 'i' })),
    suffixedName('p-n', 'm', makeIdentity({ namespace: 'a', name: 'i' })),
    suffixedName('p', 'n-m', makeIdentity({ namespace: 'a', name: 'i' })),
  ]
  assert.equal(new Set(names).size, names.length)
})

test('a cut that ends in a dot or dash gives a valid name', () => {
  for (let length = 235; length <= 252; length += 1) {
    const name = suffixedName(`${'p'.repeat(length)}.q`, 'n', makeIdentity())
    assert.match(name, DNS_SUBDOMAIN)
    assert.ok(name.length <= 253)
    assert.doesNotMatch(name, /[.-]-[\da-f]{10}$/)
  }
})

test('the object lives in default, or with its identity in namespaced mode', () => {
  const open = makeIdentity({ namespace: 'team' })
  assert.equal(assignedIdentityNamespace(open, false), 'default')
  assert.equal(assignedIdentityNamespace(open, true), 'team')
  assert.equal(assignedIdentityNamespace({ ...open, namespaced: true }, false), 'team')
})

test('only user-assigned identities with a good id are put on nodes', () => {
  assert.equal(assignableId(makeIdentity({ type: 1 })), undefined)
  assert.equal(assignableId(makeIdentity({ resourceId: 'nonsense' })), undefined)
  assert.match(assignableId(makeIdentity()) ?? '', /^\/subscriptions\/[^A-Z]+$/)
})

test('what decides a token makes assignments differ; spelling and metadata do not', () => {
  const identity = makeIdentity({ tenantId: 't', auxiliaryTenantIds: ['x'] })
  const object = makeAssigned({ identity })
  const isSame = (change: Partial<typeof identity>): boolean =>
    sameAssignment(object, { ...object, identity: { ...identity, ...change } })
  assert.ok(isSame({ resourceVersion: '99', uid: 'other' }))
  assert.ok(isSame({ resourceId: identity.resourceId.toUpperCase() }))
  for (const change of [
    { clientId: 'other' },
    { type: 1 as const },
    { tenantId: 'u' },
    { auxiliaryTenantIds: ['x', 'y'] },
    { adEndpoint: 'https://login.example' },
    { namespaced: true },
    { clientPassword: { namespace: 'default', name: 's' } },
    { namespace: 'elsewhere' },
  ]) {
    assert.equal(isSame(change), false, JSON.stringify(change))
  }
})

test('pod, node, identity and binding make an assignment', () => {
  const object = makeAssigned()
  assert.ok(sameAssignment(object, object))
  assert.equal(sameAssignment(object, { ...object, nodeName: 'node-1' }), false)
  assert.equal(sameAssignment(object, { ...object, binding: makeBinding({ name: 'other' }) }), false)
})

test('the manifest holds identity and binding whole, as old readers expect them', () => {
  const identity = makeIdentity({ namespaced: true, clientPassword: { namespace: 'default', name: 's' } })
  const manifest = assignedIdentityManifest({
    namespace: 'default',
    name: 'p-default-shop',
    pod: 'p',
    podNamespace: 'default',
    nodeName: 'node-0',
    identity,
    binding: makeBinding(),
    status: { state: 'Created', reason: '', message: '' },
  })
  assert.deepEqual(manifest, {
    apiVersion: 'aadpodidentity.k8s.io/v1',
    kind: 'AzureAssignedIdentity',
    metadata: {
      name: 'p-default-shop',
      namespace: 'default',
      labels: { nodename: 'node-0' },
      finalizers: ['azureassignedidentity.finalizers.aadpodidentity.k8s.io'],
    },
    spec: {
      azureIdentityRef: {
        apiVersion: 'aadpodidentity.k8s.io/v1',
        kind: 'AzureIdentity',
        metadata: {
          name: 'shop',
          namespace: 'default',
          uid: 'uid-default-shop',
          resourceVersion: '1',
          annotations: { 'aadpodidentity.k8s.io/Behavior': 'namespaced' },
        },
        spec: {
          type: 0,
          resourceID: identity.resourceId,
          clientID: identity.clientId,
          clientPassword: { namespace: 'default', name: 's' },
          tenantID: '',
          auxiliaryTenantIDs: [],
          adResourceID: '',
          adEndpoint: '',
        },
      },
      azureBindingRef: {
        apiVersion: 'aadpodidentity.k8s.io/v1',
        kind: 'AzureIdentityBinding',
        metadata: {
          name: 'shop-binding',
          namespace: 'default',
          uid: 'uid-default-shop-binding',
          resourceVersion: '1',
        },
        spec: { azureIdentity: 'shop', selector: 'shop' },
      },
      pod: 'p',
      podNamespace: 'default',
      nodename: 'node-0',
    },
    status: { status: 'Created', availableReplicas: 1, reason: '', message: '' },
  })
})
