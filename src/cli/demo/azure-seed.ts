import type { SeedDocument } from '../../../emulator/azure/state/seed-document.ts'

const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555'
const NODE_GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/mc-demo`

export const DEMO_TENANT = '99999999-8888-4777-8666-555555555555'
export const SCALE_SET = `${NODE_GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/pool`
export const NODE_NAME = 'pool-0'
export const PROVIDER_ID = `azure://${SCALE_SET}/virtualMachines/0`

/** As in examples/quickstart/identity.yaml. */
const IDENTITIES = `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities`
export const SHOP_IDENTITY = `${IDENTITIES}/shop`
const SHOP_CLIENT_ID = '5a0b0c0d-0000-4000-8000-000000000001'

/** Of another application, which may read nothing in the shop's vault. */
export const TILL_IDENTITY = `${IDENTITIES}/till`
export const TILL_CLIENT_ID = '5a0b0c0d-0000-4000-8000-000000000002'

/** The cluster's own identity: MIC logs in with it, no pod may ever get it. */
const CLUSTER_IDENTITY = `${NODE_GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/cluster`
export const CLUSTER_CLIENT_ID = '5a0b0c0d-0000-4000-8000-00000000000c'

export const VAULT = 'shop'
/** Client id of whoever fills the vault. */
export const VAULT_OWNER = '5a0b0c0d-0000-4000-8000-00000000000e'
export const SECRET_NAME = 'database-password'

/** Everything that examples/keyvault-volume/class.yaml names. */
export const READ_VAULT = { secrets: ['get'], keys: ['get'] }

export interface SeedOptions {
  readonly managed: boolean
  readonly keyvault: boolean
  /** The secret in the vault. */
  readonly password: string
}

/**
 * A subscription with one scale set of one node, two identities, and a vault that only the shop's
 * identity may read. In managed mode the identities of pods are on the scale set from the beginning. With Key Vault
 * volumes there is one identity more, and somebody who may fill the vault.
 */
export function azureSeed({ managed, keyvault, password }: SeedOptions): SeedDocument {
  const ofPods = keyvault ? [SHOP_IDENTITY, TILL_IDENTITY] : [SHOP_IDENTITY]
  const owner = { principal: VAULT_OWNER, secrets: ['all'], keys: ['all'], certificates: ['all'] }
  return {
    tenant: { id: DEMO_TENANT, displayName: 'Demo', domains: [] },
    region: 'westeurope',
    identities: [
      { id: SHOP_IDENTITY, clientId: SHOP_CLIENT_ID },
      ...(keyvault ? [{ id: TILL_IDENTITY, clientId: TILL_CLIENT_ID }] : []),
      {
        id: CLUSTER_IDENTITY,
        clientId: CLUSTER_CLIENT_ID,
        roles: [
          { role: 'Virtual Machine Contributor', scope: NODE_GROUP },
          ...ofPods.map((scope) => ({ role: 'Managed Identity Operator', scope })),
        ],
      },
    ],
    scaleSets: [
      {
        id: SCALE_SET,
        identities: managed ? [CLUSTER_IDENTITY, ...ofPods] : [CLUSTER_IDENTITY],
        instances: [{ instanceId: '0', computerName: NODE_NAME }],
      },
    ],
    vaults: [
      {
        name: VAULT,
        secrets: { [SECRET_NAME]: password },
        access: keyvault
          ? [{ principal: SHOP_IDENTITY, ...READ_VAULT }, owner]
          : [{ principal: SHOP_IDENTITY, secrets: ['get'] }],
      },
    ],
    apps: keyvault ? [{ clientId: VAULT_OWNER, name: 'owner of the vault', roles: [] }] : [],
    // With volumes long enough that the first mounts come before the identity, also on a slow machine.
    settings: { vmssOperationMs: keyvault ? 3_000 : 2_000, imdsLagMs: 500 },
  }
}
