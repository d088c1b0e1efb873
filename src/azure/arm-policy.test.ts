import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { ArmError } from './arm.ts'
import { createArmBudget } from './arm-budget.ts'
import { armPolicy } from './arm-policy.ts'

const ARM = 'https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute'

/** Sends one request through the policy; ARM answers it with 429, the code and the wait. */
async function throttled(code: string, retryAfter: string) {
  const clock = new FakeClock()
  const budget = createArmBudget(clock, 60)
  const headers = { 'retry-after': retryAfter }
  const answer = {
    status: 429,
    bodyAsText: JSON.stringify({ error: { code, message: 'slower' } }),
    headers: {
      get: (name: string) => (name === 'retry-after' ? retryAfter : undefined),
      toJSON: () => headers,
    },
  }
  const policy = armPolicy({ clock, budget, onCall: () => {} })
  const request = { method: 'PATCH', url: `${ARM}/virtualMachineScaleSets/pool?api-version=x` }
  assert.equal((await policy.sendRequest(request, async () => answer)).status, 429)
  return budget
}

test('a limit of the subscription holds every call for as long as ARM asks', async () => {
  const budget = await throttled('SubscriptionRequestsThrottled', '30')
  assert.throws(
    () => budget.take(),
    (error) => error instanceof ArmError && error.retryAfterMs === 30_000,
  )
})

test("a limit of one scale set or kind of call is no other's", async () => {
  const budget = await throttled('OperationNotAllowed', '300')
  budget.take()
  assert.equal(budget.remaining, 58)
})
