import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Schema } from '../schemas/schema.ts'
import { ruleProblems } from './broken-rules.ts'
import { type FieldProblem, invalidValue, problemText, required } from './field-problem.ts'
import { readRules } from './rules.ts'

const never = (rest: object = {}): Pick<Schema, 'x-kubernetes-validations'> => ({
  'x-kubernetes-validations': [{ rule: 'self == 0', message: 'm', ...rest }],
})

interface Told {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

function told(schema: Schema, next: unknown, current?: unknown, found: readonly FieldProblem[] = []): Told {
  const rules = readRules(schema)
  assert.ok(rules !== undefined)
  const warnings: string[] = []
  const problems = ruleProblems(rules, found, { next, current, warn: (text) => warnings.push(text) })
  return { problems: problems.map((each) => `${each.field}: ${problemText(each)}`), warnings }
}

const object = (properties: Record<string, Schema>): Schema => ({ type: 'object', properties })

test('a schema without rules has none to ask', () => {
  assert.equal(readRules(object({ a: { type: 'array', items: { type: 'string' } } })), undefined)
  assert.equal(readRules({ type: 'object', 'x-kubernetes-validations': [] }), undefined)
})

test('rules are not asked about an object whose shape they could not rely on', () => {
  const schema = object({ a: { type: 'integer', ...never() } })
  const skipped =
    '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation'
  assert.deepEqual(told(schema, { a: 1 }, undefined, [required('b')]).problems, [skipped])
  assert.deepEqual(told(schema, { a: 1 }, undefined, [invalidValue('b', '', '')]).problems, [
    'a: Invalid value: 1: m',
  ])
  // Whether the rules could be read or not.
  const unread = object({ a: { type: 'integer', ...never({ rule: 'self + 1 == 1' }) } })
  assert.deepEqual(told(unread, {}, undefined, [required('b')]).problems, [skipped])
})

test('a rule that is not read, or may mean another thing than it says, is not asked', () => {
  const unasked: readonly Schema[] = [
    { type: 'integer', ...never({ rule: 'self + 1 == 1' }) },
    { type: 'integer', ...never({ messageExpression: '"x"' }) },
    { type: 'integer', ...never({ optionalOldSelf: true }) },
    { type: 'integer', ...never({ rule: ' ' }) },
    { type: 'string', format: 'date-time', ...never() },
    { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', ...never() },
    { ...object({ x: { type: 'string', format: 'byte' } }), ...never() },
    { type: 'object', additionalProperties: { type: 'string', nullable: true }, ...never() },
    { ...object({ x: {} }), ...never({ fieldPath: "['x']" }) },
  ]
  for (const schema of unasked)
    assert.deepEqual(told(object({ a: schema }), { a: 1 }).problems, [], JSON.stringify(schema))
})

test('a null, and a field that is not there, are not asked about', () => {
  const schema = object({ a: { type: 'integer', nullable: true, ...never() } })
  for (const value of [{ a: null }, {}, null]) assert.deepEqual(told(schema, value).problems, [])
})

test('what a rule forbids is a warning where nothing has changed', () => {
  const item: Schema = { ...object({ k: { type: 'string' } }), ...never({ rule: "self.k == '-'" }) }
  const list: Schema = { type: 'array', items: item }
  const keyed: Schema = { ...list, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }
  const schema = object({ list, keyed, other: { type: 'string' } })
  const before = { list: [{ k: 'a' }], keyed: [{ k: 'a' }] }
  const both = ['list[0]: Invalid value: m', 'keyed[0]: Invalid value: m']
  assert.deepEqual(told(schema, { ...before, other: '' }, before), { problems: [], warnings: both })
  assert.deepEqual(told(schema, before), { problems: both, warnings: [] })
  // Elements of a list without keys have no counterpart in the old one: it has to be the same as a whole.
  const more = { list: [{ k: 'a' }, { k: '-' }], keyed: [{ k: '-' }, { k: 'a' }] }
  assert.deepEqual(told(schema, more, before), {
    problems: ['list[0]: Invalid value: m'],
    warnings: ['keyed[1]: Invalid value: m'],
  })
})

test('values are quoted as Go does it', () => {
  const schema: Schema = { type: 'string', ...never() }
  const value = 'é"\\\u0007\v\n\u0001\u007F\u00A0\u2028\\u0001\u{E0001}😀'
  assert.deepEqual(told(schema, value).problems, [
    String.raw`<nil>: Invalid value: "é\"\\\a\v\n\x01\x7f\u00a0\u2028\\u0001\U000e0001😀": m`,
  ])
})
