import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { ArmError, BUDGET_SPENT } from './arm.ts'
import { createArmBudget } from './arm-budget.ts'

const throttled = (error: unknown): boolean => error instanceof ArmError && error.fault === 'throttled'

test('the budget allows so many calls an hour and says when there is one again', async () => {
  const clock = new FakeClock()
  const budget = createArmBudget(clock, 60)
  for (let call = 0; call < 60; call += 1) budget.take()
  assert.equal(budget.remaining, 0)
  assert.throws(
    () => budget.take(),
    (error) =>
      throttled(error) &&
      (error as ArmError).code === BUDGET_SPENT &&
      (error as ArmError).retryAfterMs === 60_000,
  )
  await clock.advance(60_000)
  budget.take()
  assert.throws(() => budget.take(), throttled)
  await clock.advance(10 * 3_600_000)
  assert.equal(budget.remaining, 60)
})

test('a pause that ARM asked for holds every call until it is over, and a shorter one does not end it', async () => {
  const clock = new FakeClock()
  const budget = createArmBudget(clock, 60)
  budget.pause(20_000)
  budget.pause(1_000)
  assert.throws(
    () => budget.take(),
    (error) => throttled(error) && (error as ArmError).retryAfterMs === 20_000,
  )
  await clock.advance(20_000)
  budget.take()
})
