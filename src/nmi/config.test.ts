import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdLimits, nmiConfig } from './config.ts'

const FLAGS = {
  retryAttemptsForCreated: 16,
  retryAttemptsForAssigned: 4,
  findIdentityRetryIntervalSeconds: 5,
}

test('the old retry flags keep their product: 80 s while no object exists, 100 s once it does', () => {
  const hold = holdLimits(FLAGS)
  assert.deepEqual([hold.createdMs, hold.assignedMs, hold.assignmentMs], [80_000, 100_000, 45_000])
})

test('a request ends by default before the minute after which the SDK of Go gives up', () => {
  assert.ok(nmiConfig().hold.requestMs < 60_000)
})

test('a client that neither gives up nor asks again is held twice as long as the old agent held everyone', () => {
  assert.equal(holdLimits(FLAGS).patientAssignmentMs, 200_000)
  assert.equal(holdLimits(FLAGS, 300_000).patientAssignmentMs, 300_000)
})

test('a held request never counts as an idle socket, however long the hold is set', () => {
  for (const seconds of [1, 45, 600]) {
    const { limits, hold } = nmiConfig({ hold: holdLimits(FLAGS, seconds * 1000) })
    assert.ok(limits.idleTimeoutMs > Math.max(hold.requestMs, hold.patientRequestMs))
  }
})
