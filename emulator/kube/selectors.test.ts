import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelMatcher } from './selectors.ts'

const labelled = (labels: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', uid: '', resourceVersion: '', creationTimestamp: '', labels },
})

function matches(selector: string, labels: Record<string, string>): boolean {
  return labelMatcher(selector)?.(labelled(labels)) ?? true
}

test('label selectors compare, look for keys and for values in sets', () => {
  assert.ok(matches('', { a: '1' }))
  assert.ok(matches('a=1', { a: '1' }))
  assert.ok(matches('a==1,b!=2', { a: '1', b: '3' }))
  assert.ok(matches('b!=2', {}), 'an absent label is not equal')
  assert.ok(matches('a in (1, 2),b', { a: '2', b: '' }))
  assert.ok(matches('a notin (1,2)', {}))
  assert.ok(!matches('a notin (1,2)', { a: '2' }))
  assert.ok(matches('!a', { b: '' }))
  assert.ok(!matches('a', {}))
  assert.ok(matches('a=', { a: '' }))
  assert.ok(matches('a>5', { a: '6' }))
  assert.throws(() => labelMatcher('a b c'), /unable to parse requirement/)
})
