import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Schema } from '../schemas/schema.ts'
import { problemText } from './field-problem.ts'
import { customProblems } from './validate-custom.ts'

const map: Schema = {
  type: 'array',
  items: { type: 'object', required: ['k'], properties: { k: { type: 'string' } } },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['k'],
}
const pq: Schema = { type: 'object', properties: { p: { type: 'string' }, q: { type: 'string' } } }
const schema: Schema = {
  type: 'object',
  required: ['r'],
  properties: {
    r: { type: 'string' },
    min: { type: 'integer', minimum: 1, maximum: 5 },
    ex: { type: 'number', minimum: 1, exclusiveMinimum: true, multipleOf: 2 },
    i32: { type: 'integer', format: 'int32' },
    s: { type: 'string', minLength: 2, maxLength: 4, pattern: '^a+$' },
    e: { type: 'string', enum: ['x', 'y'] },
    d: { type: 'string', format: 'date-time' },
    b: { type: 'string', format: 'byte' },
    l: { type: 'array', minItems: 2, maxItems: 3, items: { type: 'string' } },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    map,
    o: { type: 'object', minProperties: 1, maxProperties: 2, additionalProperties: { type: 'string' } },
    ios: { 'x-kubernetes-int-or-string': true },
    any: { ...pq, anyOf: [{ required: ['p'] }, { required: ['q'] }] },
    one: { ...pq, oneOf: [{ required: ['p'] }, { required: ['q'] }] },
    nt: { ...pq, not: { required: ['p'] } },
    all: { type: 'string', allOf: [{ minLength: 3 }, { pattern: '^b' }] },
    emb: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
    n: { type: 'object', nullable: true },
    nn: { type: 'object' },
  },
}

function told(value: object): readonly string[] {
  return customProblems({ r: 'x', ...value }, schema).map((each) => `${each.field}: ${problemText(each)}`)
}

/** Texts as the validation of k8s.io/apiextensions-apiserver 0.35 prints them for the same objects. */
const CASES: readonly (readonly [object, ...string[]])[] = [
  [{ n: null, i32: 3_000_000_000, ios: 5, s: 'aa', map: [{ k: 'a' }, { k: 'b' }] }],
  [{ r: 1 }, 'r: Invalid value: "integer": r in body must be of type string: "integer"'],
  [{ min: 0 }, 'min: Invalid value: 0: min in body should be greater than or equal to 1'],
  [{ min: 9 }, 'min: Invalid value: 9: min in body should be less than or equal to 5'],
  [{ min: 1.5 }, 'min: Invalid value: "number": min in body must be of type integer: "number"'],
  [
    { ex: 1 },
    'ex: Invalid value: 1: ex in body should be greater than 1',
    'ex: Invalid value: 1: ex in body should be a multiple of 2',
  ],
  [{ s: 'b' }, 's: Invalid value: "b": s in body should be at least 2 chars long'],
  [{ s: 'bbb' }, `s: Invalid value: "bbb": s in body should match '^a+$'`],
  [{ s: 'aaaaaa' }, 's: Too long: may not be more than 4 bytes'],
  [{ s: null }, 's: Invalid value: "null": s in body must be of type string: "null"'],
  [{ e: 'z' }, 'e: Unsupported value: "z": supported values: "x", "y"'],
  [{ d: 'x' }, 'd: Invalid value: "x": d in body must be of type date-time: "x"'],
  [{ b: '*' }, 'b: Invalid value: "*": b in body must be of type byte: "*"'],
  [{ l: {} }, 'l: Invalid value: "object": l in body must be of type array: "object"'],
  [{ l: ['a'] }, 'l: Invalid value: 1: l in body should have at least 2 items'],
  [{ l: ['a', 'b', 'c', 'd'] }, 'l: Too many: 4: must have at most 3 items'],
  [{ o: {} }, 'o: Invalid value: 0: o in body should have at least 1 properties'],
  [{ o: { a: '', b: '', c: '' } }, 'o: Too many: 3: must have at most 2 items'],
  [{ set: ['a', 'b', 'a'] }, 'set[2]: Duplicate value: "a"'],
  [{ map: [{ k: 'a' }, { k: 'a' }, {}] }, 'map[2].k: Required value', 'map[1]: Duplicate value: {"k":"a"}'],
  [{ ios: true }, 'ios: Invalid value: "boolean": ios in body must be of type integer,string: "boolean"'],
  [
    { any: {} },
    '<nil>: Invalid value: "": "any" must validate at least one schema (anyOf)',
    'any.p: Required value',
  ],
  [
    { one: { p: '', q: '' } },
    '<nil>: Invalid value: "": "one" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ],
  [{ nt: { p: '' } }, '<nil>: Invalid value: "": "nt" must not validate the schema (not)'],
  [
    { all: 'a' },
    '<nil>: Invalid value: "": "all" must validate all the schemas (allOf). None validated',
    'all: Invalid value: "a": all in body should be at least 3 chars long',
    `all: Invalid value: "a": all in body should match '^b'`,
  ],
  [{ emb: {} }, 'emb.apiVersion: Required value', 'emb.kind: Required value'],
  [
    { emb: { apiVersion: '', kind: 5 } },
    'emb.apiVersion: Invalid value: "": must not be empty',
    'emb.kind: Invalid value: 5: must be a string',
  ],
  [{ nn: null }, 'nn: Invalid value: "null": nn in body must be of type object: "null"'],
]

test('a custom object is checked and refused in the words of the real validation', () => {
  for (const [value, ...texts] of CASES) assert.deepEqual(told(value), texts, JSON.stringify(value))
})

test('a missing field is named, wherever it is', () => {
  assert.deepEqual(
    customProblems({}, schema).map((each) => each.field),
    ['r'],
  )
})
