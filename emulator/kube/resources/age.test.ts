import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageText } from './age.ts'
import { jsonPath } from './json-path.ts'

test('ages read as kubectl writes them', () => {
  const seconds: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [119, '119s'],
    [120, '2m'],
    [200, '3m20s'],
    [601, '10m'],
    [10_799, '179m'],
    [10_800, '3h'],
    [12_000, '3h20m'],
    [28_800, '8h'],
    [172_800, '2d'],
    [180_000, '2d2h'],
    [691_200, '8d'],
    [63_072_000, '2y'],
    [-1, '0s'],
    [-60, '<invalid>'],
  ]
  for (const [age, text] of seconds) assert.equal(ageText(age * 1000), text)
})

test('JSON paths of printer columns reach fields, items and filtered items', () => {
  const object = {
    a: {
      'b.c': 1,
      list: [
        { type: 'Ready', status: 'True' },
        { type: 'Old', status: 'False' },
      ],
    },
  }
  const read = (path: string): unknown => jsonPath(path)?.(object)
  assert.deepEqual(read('.a.b\\.c'), [1])
  assert.deepEqual(read(".a['b.c']"), [1])
  assert.deepEqual(read('.a.list[1].type'), ['Old'])
  assert.deepEqual(read('.a.list[*].type'), ['Ready', 'Old'])
  assert.deepEqual(read('.a.list[?(@.type=="Ready")].status'), ['True'])
  assert.deepEqual(read('.none.here'), [])
  assert.equal(jsonPath('a b'), undefined)
})
