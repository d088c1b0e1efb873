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
  assert.deepEqual(matchPod(makePod(), world, OPEN), { matches: [], broken: [], rules: OPEN })
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

/** The text of a refused pod of namespace `default` with label `shp`. */
function refusalIn(world: BindingLookup, rules: { forceNamespaced: boolean } = OPEN): string {
  const pod = makePod({ selector: 'shp' })
  const { code, message } = firstBrokenLink(pod, matchPod(pod, world, rules), world)
  assert.equal(code, 'no-binding')
  return message.slice(message.indexOf('; ') + 2)
}

test('a wrong label is told of the first five selectors and of how many more there are', () => {
  const world = lookup(
    ['h', 'c', 'g', 'a', 'f', 'b', 'shop', 'a'].map((selector, n) =>
      makeBinding({ name: `b${n}`, selector }),
    ),
    [makeIdentity()],
  )
  assert.equal(refusalIn(world), 'bindings here select: a, b, c, f, g and 2 more. Did you mean shop?')
})

test('a wrong label is told nothing of bindings that could never serve the pod', () => {
  const closed = { namespace: 'tenant', azureIdentity: 'closed' }
  const world = lookup(
    [
      makeBinding({ name: 'a', namespace: 'tenant', selector: 'shop' }),
      makeBinding({ ...closed, name: 'b', selector: 'shp2' }),
      makeBinding({ name: 'c', selector: 'own' }),
    ],
    [makeIdentity({ namespace: 'tenant', name: 'closed', namespaced: true })],
  )
  assert.equal(refusalIn(world), 'bindings here select: own, shop. Did you mean shop?')
  assert.equal(refusalIn(world, { forceNamespaced: true }), 'bindings here select: own')
  const foreign = lookup([makeBinding({ namespace: 'tenant' })], [])
  assert.equal(refusalIn(foreign, { forceNamespaced: true }), 'there are no bindings in namespace default')
})

test('the selectors are looked at once for a wrong label, until what was told is forgotten', () => {
  let looks = 0
  const bindings = lookup([makeBinding()], [makeIdentity()])
  const told = new Map<string, string>()
  const world: BindingLookup = {
    ...bindings,
    told,
    selectors() {
      looks += 1
      return bindings.selectors()
    },
  }
  for (let n = 0; n < 3; n += 1) refusalIn(world)
  assert.equal(looks, 1)
  refusalIn(world, { forceNamespaced: true })
  assert.equal(looks, 2)
  told.clear()
  assert.match(refusalIn(world), /Did you mean shop/)
  assert.equal(looks, 3)
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
