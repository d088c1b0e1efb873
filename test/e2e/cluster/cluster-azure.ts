/** The Azure around the cluster: one subscription, machines for the nodes, and names that lead to it. */
import { type AzureEmulator, startAzureEmulator } from '../../../emulator/azure/emulator.ts'
import type { TrustedIssuer } from '../../../emulator/azure/entra/issuer-keys.ts'
import type { SeedDocument } from '../../../emulator/azure/state/seed-document.ts'
import { clientIdOf, identityId, SUBSCRIPTION, TENANT } from '../../make/objects.ts'
import type { ClusterAddresses } from './addresses.ts'
import { SERVICE_ACCOUNT_ISSUER } from './control-plane.ts'
import type { Credentials } from './credentials.ts'
import { IMDS_PORT } from './network.ts'

const NODE_GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/nodes`
/** The identity of the cluster, with which MIC logs in. */
export const CLUSTER_IDENTITY = identityId('cluster', 'nodes')
export const CLUSTER_CLIENT = clientIdOf('clustr')

/** A machine of Azure that a node of the cluster runs on: an instance of a scale set, or a VM. */
export interface Machine {
  readonly node: string
  readonly kind: 'scale-set' | 'vm'
  /** Name of the scale set or VM. */
  readonly resource: string
  /** Number in the scale set. */
  readonly instance?: number
  /** It has an identity of its own, given and taken by Azure. */
  readonly systemAssigned?: boolean
}

/** Two instances of one scale set, and one of another that has a system-assigned identity. */
export const MACHINES: readonly Machine[] = [
  { node: 'pool-0', kind: 'scale-set', resource: 'pool', instance: 0 },
  { node: 'pool-1', kind: 'scale-set', resource: 'pool', instance: 1 },
  { node: 'blue-0', kind: 'scale-set', resource: 'blue', instance: 0, systemAssigned: true },
]

export function resourceIdOf({ kind, resource }: Machine): string {
  const type = kind === 'vm' ? 'virtualMachines' : 'virtualMachineScaleSets'
  return `${NODE_GROUP}/providers/Microsoft.Compute/${type}/${resource}`
}

/** `spec.providerID` of a node, as the cloud provider of Azure writes it. */
export function providerIdOf(machine: Machine): string {
  const tail = machine.kind === 'vm' ? '' : `/virtualMachines/${machine.instance ?? 0}`
  return `azure://${resourceIdOf(machine)}${tail}`
}

/** `/etc/kubernetes/azure.json` of every node. */
export function azureJson(): string {
  return JSON.stringify({
    cloud: 'AzurePublicCloud',
    tenantId: TENANT,
    subscriptionId: SUBSCRIPTION,
    resourceGroup: 'nodes',
    vmType: 'vmss',
    useManagedIdentityExtension: true,
    userAssignedIdentityID: CLUSTER_CLIENT,
  })
}

export interface ClusterMachine extends Machine {
  readonly ip: string
}

/** Names of Azure that lead to the emulator; every other name does not exist. */
export const AZURE_NAMES = [
  'management.azure.com',
  'login.microsoftonline.com',
  'login.microsoft.com',
  'vault.azure.net',
] as const

/** The cluster as an issuer of tokens that Entra trusts, where its documents can be had. */
export function clusterIssuer(
  { machine }: ClusterAddresses,
  { adminToken, caPem }: Pick<Credentials, 'adminToken' | 'caPem'>,
): TrustedIssuer {
  return {
    issuer: SERVICE_ACCOUNT_ISSUER,
    address: `https://${machine}:6443`,
    ca: caPem,
    authorization: `Bearer ${adminToken}`,
  }
}

export async function startClusterAzure(
  addresses: ClusterAddresses,
  machines: readonly ClusterMachine[],
): Promise<AzureEmulator> {
  return startAzureEmulator({
    host: addresses.machine,
    port: 443,
    imds: [{ host: addresses.machine, port: IMDS_PORT }],
    seed: seedOf(machines),
    settings: {
      operationRetryAfterSeconds: 1,
      // Azure takes 12 changes of a scale set in 3 minutes: enough where each lasts a minute, not for dozens of
      // scenarios that share one and wait a second for each.
      armLimits: false,
    },
  })
}

function seedOf(machines: readonly ClusterMachine[]): SeedDocument {
  const sets = Map.groupBy(
    machines.filter(({ kind }) => kind === 'scale-set'),
    resourceIdOf,
  )
  return {
    tenant: TENANT,
    subscriptions: [SUBSCRIPTION],
    identities: [
      {
        id: CLUSTER_IDENTITY,
        clientId: CLUSTER_CLIENT,
        roles: [
          { role: 'Virtual Machine Contributor', scope: NODE_GROUP },
          { role: 'Managed Identity Operator', scope: `/subscriptions/${SUBSCRIPTION}` },
        ],
      },
    ],
    scaleSets: [...sets].map(([id, instances]) => ({
      id,
      identities: [CLUSTER_IDENTITY],
      systemAssigned: instances.some(({ systemAssigned = false }) => systemAssigned),
      instances: instances.map(({ instance = 0, node, ip }) => ({
        instanceId: String(instance),
        computerName: node,
        addresses: [ip],
      })),
    })),
    vms: machines
      .filter(({ kind }) => kind === 'vm')
      .map((machine) => ({
        id: resourceIdOf(machine),
        computerName: machine.node,
        addresses: [machine.ip],
        systemAssigned: machine.systemAssigned ?? false,
        identities: [CLUSTER_IDENTITY],
      })),
  }
}
