import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nearMatch } from './near-match.ts'

test('typing errors find what was meant', () => {
  assert.equal(nearMatch('shp', ['shop', 'cart']), 'shop')
  assert.equal(nearMatch('hsop', ['shop']), 'shop')
  assert.equal(nearMatch('SHOP', ['shop']), 'shop')
  assert.equal(nearMatch('payments-prod', ['payment-prod', 'payments-test']), 'payment-prod')
})

test('what is nothing alike finds nothing', () => {
  assert.equal(nearMatch('shop', ['inventory']), undefined)
  assert.equal(nearMatch('a', ['xyz']), undefined)
  assert.equal(nearMatch('shop', []), undefined)
})

test('the answer does not depend on the order of the candidates', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 8 }),
      fc.uniqueArray(fc.string({ maxLength: 8 })),
      (text, candidates) => {
        assert.equal(nearMatch(text, candidates), nearMatch(text, candidates.toReversed()))
      },
    ),
  )
})
