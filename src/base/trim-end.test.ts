import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trimEnd } from './trim-end.ts'

test('only the characters at the end go, however many', () => {
  assert.equal(trimEnd('https://a//b//', '/'), 'https://a//b')
  assert.equal(trimEnd('secret\r\n\n', '\r\n'), 'secret')
  assert.equal(trimEnd('///', '/'), '')
  assert.equal(trimEnd('', '/'), '')
  assert.equal(trimEnd('a', '/'), 'a')
})
