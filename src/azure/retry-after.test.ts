import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRetryAfter } from './retry-after.ts'

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0)

test('Retry-After in seconds is read, rounded up and capped', () => {
  assert.equal(parseRetryAfter('7', NOW, 60), 7)
  assert.equal(parseRetryAfter(' 1.2 ', NOW, 60), 2)
  assert.equal(parseRetryAfter('0', NOW, 60), 0)
  assert.equal(parseRetryAfter('86400', NOW, 60), 60)
})

test('Retry-After as a date counts from the given time and never below zero', () => {
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 12:00:30 GMT', NOW, 60), 30)
  assert.equal(parseRetryAfter('Thursday, 01-Jan-26 12:00:30 GMT', NOW, 60), 30)
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 11:00:00 GMT', NOW, 60), 0)
  assert.equal(parseRetryAfter('Fri, 01 Jan 2027 12:00:00 GMT', NOW, 60), 60)
})

test('what is no Retry-After is none', () => {
  for (const header of [undefined, '', 'soon', '-1', '1e3', '0x10', '12 34', '2026-01-01', 'Infinity'])
    assert.equal(parseRetryAfter(header, NOW, 60), undefined, String(header))
})

test('whatever the header holds, the result is none or between zero and the cap', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String)), (header) => {
      const seconds = parseRetryAfter(header, NOW, 60)
      assert.ok(seconds === undefined || (Number.isInteger(seconds) && seconds >= 0 && seconds <= 60))
    }),
  )
})
