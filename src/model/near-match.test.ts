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

/** The same distance with every cell worked out. */
function wholeDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : replaced
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, replaced, swapped))
    }
  }
  return at(a.length, b.length)
}

test('what is left out of the comparison changes no answer', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 14 })
  fc.assert(
    fc.property(word, word, (text, candidate) => {
      const length = Math.min(text.length, candidate.length)
      const allowed = length <= 2 ? 1 : length <= 6 ? 2 : 3
      const near = wholeDistance(text, candidate) <= allowed ? candidate : undefined
      assert.equal(nearMatch(text, [candidate]), near)
    }),
    { numRuns: 2_000 },
  )
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
