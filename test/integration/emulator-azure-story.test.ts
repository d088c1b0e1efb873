import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAzureEmulator } from '../../emulator/azure/emulator.ts'
import type { SeedDocument } from '../../emulator/azure/state/seed-document.ts'
import { identityId, SUBSCRIPTION, TENANT } from '../make/objects.ts'
import { failed, judge, worked } from './emulator-azure-judging.ts'

const CLIENT = '12345678-1234-4234-8234-123456789012'
const SCOPE = `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes/providers/Microsoft.Compute`
const SET = `${SCOPE}/virtualMachineScaleSets/pool`
const SEED: SeedDocument = {
  tenant: TENANT,
  subscriptions: [SUBSCRIPTION],
  identities: [{ id: identityId('shop') }, { id: identityId('other') }],
  scaleSets: [{ id: SET, instances: ['0', '1'] }],
  vms: [{ id: `${SCOPE}/virtualMachines/single` }],
  apps: [{ clientId: CLIENT, secret: 'correct horse' }],
  vaults: [
    { name: 'shopvault', secrets: { price: '42' }, access: [{ principal: 'shop', secrets: ['get'] }] },
  ],
  settings: { vmssOperationMs: 50, vmOperationMs: 50, operationRetryAfterSeconds: 0 },
}

test('the SDKs log in, assign an identity to a scale set, get its token from IMDS and read a secret with it', async () => {
  const emulator = await startAzureEmulator({ seed: SEED })
  try {
    const login = {
      authorityHost: emulator.entraUrl,
      tenantId: TENANT,
      clientId: CLIENT,
      secret: 'correct horse',
    }
    const imds = await emulator.imds.listen({ compute: `${SET}/virtualMachines/1` })
    const arm = { login, endpoint: emulator.armUrl, subscription: SUBSCRIPTION, group: 'nodes', name: 'pool' }
    const { clientId = '' } = emulator.state.identities.get(identityId('shop').toLowerCase()) ?? {}
    const results = await judge(
      emulator,
      [
        { do: 'imds', clientId, scope: 'https://vault.azure.net/.default' },
        {
          do: 'vmss.patch',
          arm,
          identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId('shop')]: {} } },
        },
        { do: 'imds', clientId, scope: 'https://vault.azure.net/.default' },
        {
          do: 'secret.get',
          name: 'price',
          vault: { url: emulator.vaultUrl('shopvault'), imdsClientId: clientId },
        },
        {
          do: 'secret.set',
          name: 'price',
          value: '43',
          vault: { url: emulator.vaultUrl('shopvault'), imdsClientId: clientId },
        },
        { do: 'vmss.get', arm },
        { do: 'vmss.instances', arm },
        { do: 'vm.get', arm: { ...arm, name: 'single' } },
        { do: 'vm.get', arm: { ...arm, name: 'nobody' } },
      ],
      { AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url },
    )
    assert.match(failed(results[0]).message, /Identity not found/)
    const patched = worked<{ identity: { userAssignedIdentities: Record<string, { clientId: string }> } }>(
      results[1],
    )
    assert.equal(patched.identity.userAssignedIdentities[identityId('shop')]?.clientId, clientId)
    assert.equal(worked<{ token: string }>(results[2]).token.split('.').length, 3)
    assert.equal(worked<{ value: string }>(results[3]).value, '42')
    const { statusCode, message } = failed(results[4])
    assert.equal(statusCode, 403)
    assert.match(message, /does not have secrets set permission on key vault 'shopvault;location=westeurope'/)
    assert.equal(worked<{ provisioningState: string }>(results[5]).provisioningState, 'Succeeded')
    assert.deepEqual(
      worked<{ instanceId: string }[]>(results[6]).map(({ instanceId }) => instanceId),
      ['0', '1'],
    )
    assert.equal(worked<{ name: string }>(results[7]).name, 'single')
    assert.equal(failed(results[8]).code, 'ResourceNotFound')
    assert.deepEqual(emulator.journal.violations, [])
  } finally {
    await emulator.close()
  }
})
