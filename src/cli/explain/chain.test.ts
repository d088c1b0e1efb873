import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../../../test/make/objects.ts'
import type { BindingLookup } from '../../model/match.ts'
import { chainOf } from './chain.ts'

const lookup: BindingLookup = {
  bindingsBySelector: (selector) => (selector === 'shop' ? [makeBinding()] : []),
  selectors: () => ['shop'],
  identity: () => makeIdentity(),
}
const rules = { forceNamespaced: false }

test('a whole chain is told link by link, and ends with the identity in managed mode', () => {
  const wholeIn = (assigned: Parameters<typeof chainOf>[1]['assigned']): string[] => {
    const links = chainOf(makePod(), { lookup, rules, assigned })
    assert.ok(links.every((link) => link.ok))
    return links.map((link) => link.name)
  }
  assert.deepEqual(wholeIn([makeAssigned()]), ['pod', 'label', 'binding', 'identity', 'assignment'])
  assert.deepEqual(wholeIn(undefined), ['pod', 'label', 'binding', 'identity'])
})

test('the first broken link is told with what to do', () => {
  const links = chainOf(makePod({ selector: 'shp' }), { lookup, rules, assigned: [] })
  const last = links.at(-1)
  assert.equal(last?.name, 'no-binding')
  assert.match(last?.text ?? '', /Did you mean shop\?/)
  assert.match(last?.remedy ?? '', /letter for letter/)
})

test('a failed assignment is told with its cause', () => {
  const assigned = makeAssigned({
    state: 'Created',
    reason: 'assignment-failed',
    message: 'no right on the identity',
  })
  const last = chainOf(makePod(), { lookup, rules, assigned: [assigned] }).at(-1)
  assert.equal(last?.ok, false)
  assert.match(last?.text ?? '', /is Created on node-0: no right on the identity/)
})

test('a pod on the network of its node, finished or not scheduled is told at once', () => {
  for (const fields of [{ hostNetwork: true }, { phase: 'Succeeded' as const }, { nodeName: '' }]) {
    const links = chainOf(makePod(fields), { lookup, rules, assigned: [] })
    assert.equal(links.length, 1)
    assert.equal(links[0]?.ok, false)
  }
})
