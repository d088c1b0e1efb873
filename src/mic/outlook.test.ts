import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { vmId } from '../../test/make/mic-world.ts'
import { makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { refuse } from '../model/refusal.ts'
import { type DesiredAssignment, desiredAssignments } from './desired.ts'
import { GroupFacts } from './group-facts.ts'
import { knownOr, outlookOf, says } from './outlook.ts'
import { groupFromId } from './world.ts'

const group = groupFromId(vmId('a'))

function desiredWith(identity = makeIdentity()): DesiredAssignment {
  const match = { identity, binding: makeBinding() }
  const [desired] = desiredAssignments(
    makePod(),
    [match],
    { group, providerId: '' },
    { forceNamespaced: false },
  )
  assert.ok(desired !== undefined)
  return desired
}

const desired = desiredWith()
const armId = desired.armId ?? ''

function seen(...ids: string[]): GroupFacts {
  const facts = new GroupFacts(new FakeClock())
  const identities = new Map(ids.map((id) => [id, { clientId: '', principalId: '' }]))
  facts.observed = { systemAssigned: false, provisioningState: '', identities }
  return facts
}

test('Assigned is said exactly when the identity is on the node', () => {
  assert.deepEqual(outlookOf(desired, seen(armId), ''), { state: 'Assigned', reason: '', message: '' })
  assert.deepEqual(outlookOf(desired, seen(), ''), { state: 'Created', reason: '', message: '' })
  assert.equal(outlookOf(desired, new GroupFacts(new FakeClock()), ''), 'unknown')
  const leaving = seen(armId)
  leaving.leaving.add(armId)
  assert.deepEqual(outlookOf(desired, leaving, ''), { state: 'Created', reason: '', message: '' })
})

test('a failure is Created with the reason, and does not touch what is on the node', () => {
  const facts = seen()
  facts.setApart(armId, refuse('assignment-failed', 'it does not exist'))
  const failed = { state: 'Created', reason: 'assignment-failed', message: 'it does not exist' }
  assert.deepEqual(outlookOf(desired, facts, ''), failed)
  const held = seen(armId)
  held.pause(refuse('assignment-failed', 'no role'), false, undefined)
  assert.deepEqual(outlookOf(desired, held, ''), { state: 'Assigned', reason: '', message: '' })
})

test('a service principal needs no node, and a managed identity on a foreign node can never come', () => {
  const principal = desiredWith(makeIdentity({ type: 1 }))
  assert.deepEqual(outlookOf(principal, undefined, ''), { state: 'Assigned', reason: '', message: '' })
  assert.match(knownOr(outlookOf(desired, undefined, 'kind://x')).message, /has spec.providerID kind:\/\/x/)
})

test('an object of an old release without a status counts as Assigned and as nothing else', () => {
  const old = { state: '', reason: '', message: '' }
  assert.ok(says(old, { state: 'Assigned', reason: '', message: '' }))
  assert.ok(!says(old, { state: 'Created', reason: '', message: '' }))
  assert.ok(
    !says(
      { state: 'Created', reason: 'x', message: 'one' },
      { state: 'Created', reason: 'x', message: 'two' },
    ),
  )
})
