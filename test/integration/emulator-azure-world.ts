/** One small world for the tests of the Azure emulator. */
import { type AzureEmulator, startAzureEmulator } from '../../emulator/azure/emulator.ts'
import type { AzureEmulatorOptions } from '../../emulator/azure/options.ts'
import type { SeedDocument } from '../../emulator/azure/state/seed-document.ts'
import { identityId, SUBSCRIPTION, TENANT } from '../make/objects.ts'

export const CLIENT = '12345678-1234-4234-8234-123456789012'
export const SECRET = 'correct horse'
export const COMPUTE = `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes/providers/Microsoft.Compute`
export const POOL = `${COMPUTE}/virtualMachineScaleSets/pool`
export const SINGLE = `${COMPUTE}/virtualMachines/single`

export const SEED: SeedDocument = {
  tenant: TENANT,
  subscriptions: [SUBSCRIPTION],
  identities: [{ id: identityId('shop') }, { id: identityId('other') }, { id: identityId('third') }],
  scaleSets: [
    { id: POOL, instances: ['0', { instanceId: '1', addresses: ['127.0.0.2'] }] },
    { id: `${COMPUTE}/virtualMachineScaleSets/flex`, orchestration: 'Flexible' },
  ],
  vms: [
    { id: SINGLE, identities: ['shop'], addresses: ['127.0.0.3'] },
    { id: `${COMPUTE}/virtualMachines/flex_1`, scaleSet: `${COMPUTE}/virtualMachineScaleSets/flex` },
  ],
  apps: [{ clientId: CLIENT, secret: SECRET, name: 'controller' }],
  vaults: [
    { name: 'shopvault', secrets: { price: '42' }, access: [{ principal: 'shop', secrets: ['get'] }] },
  ],
  settings: { vmssOperationMs: 0, vmOperationMs: 0, operationRetryAfterSeconds: 0 },
}

/** Starts an emulator, runs the test with it and closes it whatever happens. */
export async function withEmulator(
  work: (emulator: AzureEmulator) => Promise<void>,
  options: AzureEmulatorOptions = {},
): Promise<void> {
  const emulator = await startAzureEmulator({ seed: SEED, ...options })
  try {
    await work(emulator)
  } finally {
    await emulator.close()
  }
}

export function clientIdIn(emulator: AzureEmulator, name: string): string {
  return emulator.state.identities.get(identityId(name).toLowerCase())?.clientId ?? ''
}
