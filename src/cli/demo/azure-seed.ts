import type { SeedDocument } from '../../../emulator/azure/state/seed-document.ts'

const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
const NODE_GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/mc-demo`

export const DEMO_TENANT = '99999999-8888-4777-8666-555555555555'
export const SCALE_SET = `${NODE_GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/pool`
export const NODE_NAME = 'pool-0'
export const PROVIDER_ID = `azure://${SCALE_SET}/virtualMachines/0`

/** As in examples/quickstart/identity.yaml. */
const SHOP_IDENTITY = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shop`
const SHOP_CLIENT_ID = '5a0b0c0d-0000-4000-8000-000000000001'

/** The cluster's own identity: MIC logs in with it, no pod may ever get it. */
const CLUSTER_IDENTITY = `${NODE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/cluster`
export const CLUSTER_CLIENT_ID = '5a0b0c0d-0000-4000-8000-00000000000c'

const SECRET_NAME = 'database-password'

/**
 * A subscription with one scale set of one node, two identities, and a vault that only the shop's
 * identity may read. In managed mode the shop's identity is on the scale set from the beginning.
 */
export function azureSeed(options: { managed: boolean; password: string }): SeedDocument {
  return {
    tenant: { id: DEMO_TENANT, displayName: 'Demo', domains: [] },
    region: 'westeurope',
    identities: [
      { id: SHOP_IDENTITY, clientId: SHOP_CLIENT_ID },
      {
        id: CLUSTER_IDENTITY,
        clientId: CLUSTER_CLIENT_ID,
        roles: [
          { role: 'Virtual Machine Contributor', scope: NODE_GROUP },
          { role: 'Managed Identity Operator', scope: SHOP_IDENTITY },
        ],
      },
    ],
    scaleSets: [
      {
        id: SCALE_SET,
        identities: options.managed ? [CLUSTER_IDENTITY, SHOP_IDENTITY] : [CLUSTER_IDENTITY],
        instances: [{ instanceId: '0', computerName: NODE_NAME }],
      },
    ],
    vaults: [
      {
        name: 'shop',
        secrets: { [SECRET_NAME]: options.password },
        access: [{ principal: 'shop', secrets: ['get'] }],
      },
    ],
    settings: { vmssOperationMs: 2_000, imdsLagMs: 500 },
  }
}
