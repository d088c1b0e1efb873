import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { type BindingLookup, firstBrokenLink, matchPod } from './match.ts'
import type { AzureIdentity, AzureIdentityBinding } from './resources.ts'

function lookup(bindings: AzureIdentityBinding[], identities: AzureIdentity[]): BindingLookup {
  return {
    bindingsBySelector: (selector) => bindings.filter((each) => each.selector === selector),
    selectors: () => bindings.map((each) => each.selector),
    identity: (namespace, name) =>
      identities.find((each) => each.namespace === namespace && each.name === name),
  }
}

const OPEN = { forceNamespaced: false }

test('a pod gets every identity whose binding selects its label, in order of the binding name', () => {
  const world = lookup(
    [makeBinding({ name: 'b', azureIdentity: 'two' }), makeBinding({ name: 'a', azureIdentity: 'one' })],
    [makeIdentity({ name: 'one' }), makeIdentity({ name: 'two' })],
  )
  const found = matchPod(makePod(), world, OPEN)
  assert.deepEqual(
    found.matches.map((match) => match.identity.name),
    ['one', 'two'],
  )
})

test('a selector must equal the label letter for letter', () => {
  const world = lookup([makeBinding({ selector: 'Shop' })], [makeIdentity()])
  assert.deepEqual(matchPod(makePod(), world, OPEN), { matches: [], broken: [] })
})

test('an empty label selects nothing, even a binding with an empty selector', () => {
  const world = lookup([makeBinding({ selector: '' })], [makeIdentity()])
  const pod = makePod({ labels: { aadpodidbinding: '' } })
  const found = matchPod(pod, world, OPEN)
  assert.equal(found.matches.length, 0)
  assert.equal(firstBrokenLink(pod, found, world).code, 'no-label')
})

test('a wrong label names the near match', () => {
  const world = lookup([makeBinding()], [makeIdentity()])
  const pod = makePod({ name: 'shop', selector: 'shp' })
  assert.deepEqual(firstBrokenLink(pod, matchPod(pod, world, OPEN), world), {
    code: 'no-binding',
    message: 'pod default/shop has label aadpodidbinding=shp; bindings here select: shop. Did you mean shop?',
  })
})

test('a namespaced identity serves its own namespace only, an open one every namespace', () => {
  const pod = makePod({ namespace: 'elsewhere' })
  const open = lookup([makeBinding()], [makeIdentity()])
  assert.equal(matchPod(pod, open, OPEN).matches.length, 1)
  const closed = lookup([makeBinding()], [makeIdentity({ namespaced: true })])
  const found = matchPod(pod, closed, OPEN)
  assert.equal(found.matches.length, 0)
  assert.equal(firstBrokenLink(pod, found, closed).code, 'namespace-mismatch')
  assert.equal(matchPod(pod, open, { forceNamespaced: true }).matches.length, 0)
})

test('the binding names an identity of its own namespace, never one of the same name elsewhere', () => {
  const world = lookup([makeBinding({ namespace: 'a' })], [makeIdentity({ namespace: 'b' })])
  const pod = makePod()
  const found = matchPod(pod, world, OPEN)
  assert.equal(found.matches.length, 0)
  assert.equal(firstBrokenLink(pod, found, world).code, 'identity-missing')
})

test('one broken binding does not hide a good one', () => {
  const world = lookup(
    [makeBinding({ name: 'a', azureIdentity: 'gone' }), makeBinding({ name: 'b' })],
    [makeIdentity()],
  )
  const found = matchPod(makePod(), world, OPEN)
  assert.equal(found.matches.length, 1)
  assert.equal(found.broken.length, 1)
})
