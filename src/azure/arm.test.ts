import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { identityId } from '../../test/make/objects.ts'
import { ArmError, faultOf, identitiesNamedIn, principalNamedIn } from './arm.ts'

const id = (name: string): string => identityId(name).toLowerCase()

test('identities are found in the messages that users have pasted, in any case and quoting', () => {
  const linked =
    "The client '0000' with object id '11111111-2222-4333-8444-555555555555' has permission to perform action " +
    "'Microsoft.Compute/virtualMachineScaleSets/write' on scope '/subscriptions/s/resourceGroups/r/providers/" +
    "Microsoft.Compute/virtualMachineScaleSets/pool'; however, it does not have permission to perform action " +
    `'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '${identityId('A')},${identityId('b')}' ` +
    'or the linked scope(s) are invalid.'
  assert.deepEqual([...identitiesNamedIn(linked)], [id('a'), id('b')])
  assert.equal(principalNamedIn(linked), '11111111-2222-4333-8444-555555555555')
  const dead =
    "Identity operation for resource '/subscriptions/s/x' failed with error 'Failed to perform resource identity operation. " +
    `Status: 'BadRequest'. Response: '{"error":{"code":"BadRequest","message":"Resource '${id('gone')}' was not found."}}'.'.`
  assert.deepEqual([...identitiesNamedIn(dead)], [id('gone')])
  assert.deepEqual([...identitiesNamedIn(`{\\"id\\":\\"${identityId('esc')}\\"}`)], [id('esc')])
  assert.deepEqual([...identitiesNamedIn(`Resource ${identityId('end')}.`)], [id('end')])
})

test('an identity in a resource group with brackets is found, and brackets around an id are none of it', () => {
  const bracketed = identityId('a', 'shop(1)')
  assert.deepEqual(
    [...identitiesNamedIn(`Resource '${bracketed}' was not found.`)],
    [bracketed.toLowerCase()],
  )
  assert.deepEqual([...identitiesNamedIn(`not permitted (${bracketed}).`)], [bracketed.toLowerCase()])
  assert.deepEqual([...identitiesNamedIn(`(see ${identityId('b')}), and more`)], [id('b')])
})

test('no message, however long or odd, breaks the search or yields what is no identity', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), fc.boolean(), (noise, hasId) => {
      const found = identitiesNamedIn(`${noise} '${hasId ? identityId('x') : '/subscriptions/a/b'}' ${noise}`)
      for (const each of found) assert.match(each, /^\/subscriptions\/.+\/userassignedidentities\/[^/]+$/)
      if (hasId && !noise.includes('/subscriptions/')) assert.ok(found.has(id('x')))
    }),
  )
  assert.ok(identitiesNamedIn(`'${identityId('x')}' `.repeat(20_000)).size === 1)
})

test('the code tells a fault of an identity from one of the request, whatever the status', () => {
  assert.equal(faultOf(403, 'LinkedAuthorizationFailed'), 'rejected')
  assert.equal(faultOf(400, 'FailedIdentityOperation'), 'rejected')
  assert.equal(faultOf(403, 'AuthorizationFailed'), 'denied')
  assert.equal(faultOf(404, 'ResourceGroupNotFound'), 'missing')
  assert.equal(faultOf(404, 'NotFound'), 'missing')
  assert.equal(faultOf(409, 'OperationNotAllowed'), 'conflict')
  assert.equal(faultOf(429, 'OperationNotAllowed'), 'throttled')
  assert.equal(faultOf(400, 'InvalidParameter'), 'invalid')
  assert.equal(faultOf(503, ''), 'unavailable')
})

test('a 404 that speaks of the subscription, or is not of ARM, takes nothing for gone', () => {
  assert.equal(faultOf(404, 'SubscriptionNotFound'), 'invalid')
  assert.equal(faultOf(404, 'InvalidResourceType'), 'invalid')
  assert.equal(faultOf(404, ''), 'invalid')
})

test('only what may have been done all the same has an unknown outcome', () => {
  assert.equal(new ArmError('unavailable', 'x').outcomeUnknown, true)
  assert.equal(new ArmError('conflict', 'preempted', { code: 'OperationPreempted' }).outcomeUnknown, true)
  assert.equal(new ArmError('conflict', 'busy', { status: 409 }).outcomeUnknown, false)
  assert.equal(new ArmError('throttled', 'x', { status: 429 }).outcomeUnknown, false)
})
