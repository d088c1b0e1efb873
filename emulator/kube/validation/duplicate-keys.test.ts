import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { duplicateKeys } from './duplicate-keys.ts'

test('repeated keys are named with their paths, however deep and however written', () => {
  assert.deepEqual(duplicateKeys('{"a":1,"b":[{"c":"}","c":2},[{"\\u0064":1, "d":{}}]],"a":null}'), [
    'b[0].c',
    'b[1][0].d',
    'a',
  ])
  assert.deepEqual(duplicateKeys('{"a":{"x":1},"b":{"x":1},"c":["x","x"]}'), [])
})

test('JSON that was written from a value has no repeated keys, in any layout', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(4), (value, indent) => {
      assert.deepEqual(duplicateKeys(JSON.stringify(value, null, indent)), [])
    }),
  )
})
