/** The emulated subscription of the whole-system tests. */
import { randomBytes } from 'node:crypto'
import type { SeedDocument } from '../../emulator/azure/state/seed-document.ts'
import { clientIdOf, identityId, SUBSCRIPTION, TENANT } from '../make/objects.ts'

const NODE_GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes`

export const SCALE_SET = `${NODE_GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/pool`
export const NODE = 'pool-0'
/** Spelt as some clusters do. */
export const PROVIDER_ID = `azure://${SCALE_SET.replace('resourceGroups', 'RESOURCEGROUPS')}/virtualMachines/0`
/** The identity of the cluster, with which MIC logs in. */
const CLUSTER = identityId('cluster', 'nodes')
const CLUSTER_CLIENT = clientIdOf('clustr')
/** A service principal. */
export const APP_CLIENT = '12345678-1234-4234-8234-123456789012'

/** MIC may not assign this one. */
const NOT_PERMITTED = 'denied'

const IDENTITIES = [
  'good',
  'spell1',
  'spell2',
  'spell3',
  'spell4',
  NOT_PERMITTED,
  'gone',
  'again',
  'armbad',
  'killed',
  'moved1',
  'moved2',
] as const

/** Passwords that nothing may ever print. */
export interface Passwords {
  readonly app: string
  readonly rotated: string
  readonly wrong: string
}

export function makePasswords(): Passwords {
  const password = (): string => randomBytes(18).toString('base64url')
  return { app: password(), rotated: password(), wrong: password() }
}

export function systemSeed(passwords: Passwords): SeedDocument {
  return {
    tenant: TENANT,
    subscriptions: [SUBSCRIPTION],
    identities: [
      ...IDENTITIES.map((name) => ({ id: identityId(name), clientId: clientIdOf(name) })),
      {
        id: CLUSTER,
        clientId: CLUSTER_CLIENT,
        roles: [
          { role: 'Virtual Machine Contributor', scope: NODE_GROUP },
          ...IDENTITIES.filter((name) => name !== NOT_PERMITTED).map((name) => ({
            role: 'Managed Identity Operator',
            scope: identityId(name),
          })),
        ],
      },
    ],
    scaleSets: [
      { id: SCALE_SET, identities: [CLUSTER], instances: [{ instanceId: '0', computerName: NODE }] },
    ],
    apps: [{ clientId: APP_CLIENT, secrets: [passwords.app, passwords.rotated], name: 'legacy app' }],
    settings: {
      vmssOperationMs: 20,
      operationRetryAfterSeconds: 0,
      armLimits: false,
      imdsLimits: false,
    },
  }
}

/** `azure.json` of the node. */
export function azureJson(): string {
  return JSON.stringify({
    cloud: 'AzureStackCloud',
    tenantId: TENANT,
    subscriptionId: SUBSCRIPTION,
    useManagedIdentityExtension: true,
    userAssignedIdentityID: CLUSTER_CLIENT,
  })
}

/** The environment file of a custom cloud. */
export function cloudJson(origin: string): string {
  return JSON.stringify({
    name: 'AzureStackCloud',
    activeDirectoryEndpoint: `${origin}/`,
    resourceManagerEndpoint: `${origin}/`,
    serviceManagementEndpoint: 'https://management.core.windows.net/',
    tokenAudience: 'https://management.azure.com/',
  })
}
