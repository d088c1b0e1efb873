import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allows, roleAssignment } from './roles.ts'

const ASSIGN = 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'
const GROUP = '/subscriptions/S/resourceGroups/g'

function may(role: string, action: string, where: string, scope = GROUP): boolean {
  return allows([roleAssignment({ role, scope })], action, where)
}

test('a role holds for its scope and all below it, in any case, and nowhere else', () => {
  assert.ok(may('Reader', 'A/b/read', `${GROUP}/providers/x`.toUpperCase()))
  assert.ok(may('Reader', 'A/b/read', GROUP))
  assert.ok(may('Reader', 'A/b/read', '/anything', ''))
  assert.ok(!may('Reader', 'A/b/read', `${GROUP}2/providers/x`))
  assert.ok(!may('Reader', 'A/b/read', '/subscriptions/S'))
  assert.ok(!may('Reader', 'A/b/write', GROUP))
})

test('the roles that podid needs allow what Azure says they allow', () => {
  assert.ok(may('Managed Identity Operator', ASSIGN, GROUP))
  assert.ok(!may('Managed Identity Contributor', ASSIGN, GROUP))
  assert.ok(!may('Virtual Machine Contributor', ASSIGN, GROUP))
  assert.ok(may('Virtual Machine Contributor', 'Microsoft.Compute/virtualMachineScaleSets/write', GROUP))
  assert.ok(!may('Managed Identity Operator', 'Microsoft.Compute/virtualMachines/read', GROUP))
  assert.ok(
    may(
      'Managed Identity Contributor',
      'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write',
      GROUP,
    ),
  )
})

test('actions may be given instead of a role, and an unknown role is refused', () => {
  const own = roleAssignment({ actions: ['Microsoft.Compute/*/read'], scope: '' })
  assert.ok(allows([own], 'microsoft.compute/virtualMachines/READ', '/x'))
  assert.ok(!allows([own], 'Microsoft.Compute/virtualMachines/write', '/x'))
  assert.throws(() => roleAssignment({ role: 'King', scope: '' }), /unknown role 'King'/)
})
