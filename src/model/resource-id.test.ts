import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { identityId, SUBSCRIPTION } from '../../test/make/objects.ts'
import { parseManagedIdentityId, parseProviderId } from './resource-id.ts'

test('an identity id is the same in every spelling that ARM accepts', () => {
  const spellings = fc.record({
    upper: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    slash: fc.constantFrom('', '/'),
    lead: fc.constantFrom('', '/', '//'),
  })
  const plain = parseManagedIdentityId(identityId('shop'))?.canonical
  assert.equal(plain, identityId('shop').toLowerCase())
  fc.assert(
    fc.property(spellings, ({ upper, slash, lead }) => {
      const body = identityId('shop').slice(1)
      const mixed = Array.from(body, (c, i) =>
        upper[i % 40] === true ? c.toUpperCase() : c.toLowerCase(),
      ).join('')
      assert.equal(parseManagedIdentityId(`${lead}${mixed}${slash}`)?.canonical, plain)
    }),
  )
})

test('what is no identity id is refused', () => {
  for (const text of [
    '',
    'shop',
    '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v',
    `${identityId('shop')}/federatedIdentityCredentials/x`,
    identityId('sh op'),
    identityId('shop?api-version=1'),
    identityId('sh%2fop'),
    `x${identityId('shop')}`,
  ]) {
    assert.equal(parseManagedIdentityId(text), undefined, text)
  }
})

test('provider ids of scale set instances and VMs are read in any case', () => {
  const set = `/subscriptions/${SUBSCRIPTION}/resourceGroups/MC_Shop/providers/Microsoft.Compute/virtualMachineScaleSets/Pool`
  assert.deepEqual(parseProviderId(`azure://${set}/virtualMachines/17`), {
    group: {
      kind: 'vmss',
      id: set.toLowerCase(),
      subscription: SUBSCRIPTION,
      resourceGroup: 'mc_shop',
      name: 'pool',
    },
    instance: '17',
  })
  const vm = `/subscriptions/${SUBSCRIPTION}/resourcegroups/rg/providers/Microsoft.Compute/virtualMachines/vm-0`
  assert.equal(parseProviderId(`AZURE://${vm}`)?.group.kind, 'vm')
  assert.equal(parseProviderId(`azure://${vm}`)?.group.id, vm.toLowerCase())
})

test('provider ids of other clouds and nonsense are none', () => {
  for (const text of [
    '',
    'aws:///eu-west-1a/i-0',
    'azure://',
    'azure:///subscriptions/s',
    'kind://docker/kind/node',
  ]) {
    assert.equal(parseProviderId(text), undefined, text)
  }
})
