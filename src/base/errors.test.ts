import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asError, errorText } from './errors.ts'

test('the text of an error holds its causes, outermost first', () => {
  const inner = new Error('connection refused')
  const outer = new Error('reading pods failed', { cause: new Error('list failed', { cause: inner }) })
  assert.equal(errorText(outer), 'reading pods failed: list failed: connection refused')
})

test('a connection error over several addresses is told by its first', () => {
  const error = new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')], '')
  assert.equal(errorText(error), 'connect ECONNREFUSED 127.0.0.1:1')
})

test('a cause that refers to itself ends', () => {
  const error = new Error('loop')
  error.cause = error
  assert.equal(errorText(error), 'loop')
})

test('what is no Error becomes one and stays its cause', () => {
  const error = asError({ odd: true })
  assert.equal(error.message, '{"odd":true}')
  assert.deepEqual(error.cause, { odd: true })
})
