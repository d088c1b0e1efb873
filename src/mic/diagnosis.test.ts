import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { vmId, vmssId } from '../../test/make/mic-world.ts'
import { identityId, SUBSCRIPTION } from '../../test/make/objects.ts'
import { ArmError, type ArmFault, BUDGET_SPENT, LOGIN_FAILED } from '../azure/arm.ts'
import { groupRefusal, noGroupRefusal, rejectionRefusal } from './diagnosis.ts'
import { groupFromId } from './world.ts'

const group = groupFromId(vmssId('pool'))
const vm = groupFromId(vmId('node-1'))
assert.ok(group !== undefined && vm !== undefined)
const id = identityId('shop').toLowerCase()
const PRINCIPAL = '0b1ec7ed-0000-4000-8000-000000000001'

test('a deleted identity is told with the command that creates it', () => {
  assert.equal(
    rejectionRefusal(id, group, { cause: 'deleted', principal: PRINCIPAL }).message,
    `identity ${id} cannot be assigned to scale set pool: it does not exist on Azure. ` +
      `Create it: az identity create --name shop --resource-group shop --subscription ${SUBSCRIPTION}`,
  )
})

test('a missing right is told with the command that grants it to the principal that ARM named', () => {
  assert.equal(
    rejectionRefusal(id, vm, { cause: 'not-permitted', principal: PRINCIPAL }).message,
    `identity ${id} cannot be assigned to VM node-1: podid's principal may not assign it. ` +
      `Grant it: az role assignment create --role "Managed Identity Operator" --assignee ${PRINCIPAL} --scope ${id}`,
  )
})

test('when nobody can tell, both commands are given, and an unknown principal is a place to fill in', () => {
  const { message } = rejectionRefusal(id, group, { cause: 'unclear', principal: '' })
  assert.match(message, /az identity create/)
  assert.match(message, /--assignee <object id of podid's principal> --scope/)
})

test('no id can put a second command into the line that an operator copies', () => {
  const evil = identityId('a;reboot&$(id)`id`|x', 'rg(1)').toLowerCase()
  for (const cause of ['deleted', 'not-permitted', 'unclear'] as const) {
    const { message } = rejectionRefusal(evil, group, { cause, principal: PRINCIPAL })
    const command = message.slice(message.indexOf('az '))
    assert.doesNotMatch(command.replaceAll(/'[^']*'/g, ''), /[;&$`|()]/)
  }
})

test('the text about a VM or scale set holds nothing that changes from one try to the next', () => {
  const faults: ArmFault[] = [
    'throttled',
    'conflict',
    'missing',
    'denied',
    'rejected',
    'invalid',
    'unavailable',
  ]
  fc.assert(
    fc.property(fc.constantFrom(...faults), fc.uuid(), fc.nat(), (fault, trace, ms) => {
      const error = (detail: string): ArmError =>
        new ArmError(fault, `correlation ${detail}`, { code: 'Some', status: 400, retryAfterMs: ms })
      assert.equal(
        groupRefusal(group, error(trace), PRINCIPAL).message,
        groupRefusal(group, error('another'), PRINCIPAL).message,
      )
    }),
  )
})

test('each fault of a VM or scale set is told in its own words, a failed login too', () => {
  const text = (fault: ArmFault, code = ''): string =>
    groupRefusal(vm, new ArmError(fault, '', { code, status: 418 }), PRINCIPAL).message
  assert.match(text('missing', 'ResourceNotFound'), /VM node-1 of the node does not exist on Azure/)
  assert.match(text('denied'), /--role "Virtual Machine Contributor" --assignee 0b1ec7ed/)
  assert.match(text('throttled'), /limits the rate of calls about VM node-1/)
  assert.match(text('conflict'), /another operation is running on VM node-1/)
  assert.match(text('unavailable'), /did not answer about VM node-1/)
  assert.match(text('unavailable', LOGIN_FAILED), /cannot log in to Azure/)
  assert.match(
    text('invalid', 'SubscriptionNotFound'),
    /refused to change VM node-1 \(SubscriptionNotFound\)/,
  )
  assert.match(text('rejected'), /\(418\)/)
})

test('the principal that ARM refused by name is the one in the command', () => {
  const other = '11111111-aaaa-4bbb-8ccc-222222222222'
  const error = new ArmError('denied', `The client 'x' with object id '${other}' does not have authorization`)
  assert.match(groupRefusal(group, error, PRINCIPAL).message, new RegExp(`--assignee ${other} `))
})

test('a node that is not of Azure is told with what it has and what is expected', () => {
  assert.match(
    noGroupRefusal('bare', '').message,
    /^node bare has no spec.providerID, .* expected azure:\/\/\/subscriptions/,
  )
  assert.ok(noGroupRefusal('bare', `kind://${'x'.repeat(10_000)}`).message.length < 500)
})

test("what podid's own budget holds back is not told as Azure's doing", () => {
  const own = groupRefusal(group, new ArmError('throttled', 'x', { code: BUDGET_SPENT }), PRINCIPAL)
  assert.match(own.message, /--arm-calls-per-hour/)
  // The second is an operation that was accepted and then throttled: it has no status of its own.
  for (const details of [{ status: 429 }, { code: 'TooManyRequests' }]) {
    const azure = groupRefusal(group, new ArmError('throttled', 'x', details), PRINCIPAL)
    assert.match(azure.message, /^Azure limits/)
  }
})

test('a removal that was rejected is told as one, and a VM that is being deleted as such', () => {
  const { message } = rejectionRefusal(id, group, { cause: 'unclear', principal: PRINCIPAL, removal: true })
  assert.match(message, / cannot be taken off scale set /)
  const deleting = groupRefusal(vm, new ArmError('conflict', 'x', { code: 'Deleting' }), PRINCIPAL)
  assert.match(deleting.message, / is being deleted on Azure$/)
})
