import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { ArmError } from './arm.ts'
import { armErrorOf } from './arm-failure.ts'

const clock = new FakeClock()

function rest(statusCode: number, code: string, headers: Record<string, string> = {}): Error {
  const response = { headers: { get: (name: string) => headers[name] } }
  return Object.assign(new Error(`${code} happened`), { statusCode, code, response })
}

test('answers of ARM become faults by status and code', () => {
  const expected: [number, string, string][] = [
    [403, 'LinkedAuthorizationFailed', 'rejected'],
    [400, 'FailedIdentityOperation', 'rejected'],
    [403, 'AuthorizationFailed', 'denied'],
    [401, 'InvalidAuthenticationToken', 'denied'],
    [404, 'ResourceNotFound', 'missing'],
    [409, 'OperationNotAllowed', 'conflict'],
    [429, 'TooManyRequests', 'throttled'],
    [400, 'InvalidParameter', 'invalid'],
    [500, 'InternalServerError', 'unavailable'],
  ]
  for (const [status, code, fault] of expected) {
    const error = armErrorOf(rest(status, code), clock)
    assert.deepEqual([error.fault, error.status, error.code], [fault, status, code])
  }
})

test('Retry-After is kept in milliseconds, and is absent when ARM sent none', () => {
  assert.equal(armErrorOf(rest(429, 'x', { 'retry-after': '7' }), clock).retryAfterMs, 7_000)
  assert.equal(armErrorOf(rest(429, 'x'), clock).retryAfterMs, undefined)
})

test('an operation that was accepted and failed is told by the code in its text', () => {
  const failed = (text: string): ArmError =>
    armErrorOf(new Error(`The long-running operation has failed. ${text}`), clock)
  const rejected = failed(
    "FailedIdentityOperation. Identity operation failed: '/subscriptions/s' was not found.",
  )
  assert.deepEqual([rejected.fault, rejected.code], ['rejected', 'FailedIdentityOperation'])
  assert.match(rejected.message, /was not found/)
  assert.equal(failed('OperationPreempted. A newer one won.').fault, 'conflict')
  assert.equal(failed('InternalExecutionError. Sorry.').fault, 'unavailable')
})

test('a login that failed is no refusal of ARM, whatever status Entra gave', () => {
  for (const name of ['AuthenticationError', 'CredentialUnavailableError', 'AggregateAuthenticationError']) {
    const failed = Object.assign(new Error('AADSTS7000222: the secret has expired'), {
      name,
      statusCode: 401,
    })
    const { fault, code, status } = armErrorOf(failed, clock)
    assert.deepEqual([fault, code, status], ['unavailable', 'LoginFailed', 0])
  }
})

test('no answer is unavailable, and an ArmError stays what it is, also inside another error', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
  assert.deepEqual([armErrorOf(refused, clock).fault, armErrorOf(refused, clock).status], ['unavailable', 0])
  const own = new ArmError('throttled', 'the budget is used up')
  assert.equal(armErrorOf(own, clock), own)
  assert.equal(armErrorOf(new Error('wrapped', { cause: own }), clock), own)
  assert.equal(armErrorOf('nonsense', clock).fault, 'unavailable')
})
