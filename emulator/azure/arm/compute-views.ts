import type { Compute, Instance } from '../state/compute.ts'
import { type IdentityBlock, typeOf } from '../state/identity-block.ts'

/** The JSON that ARM shows for compute resources. */

export interface ViewContext {
  readonly tenantId: string
  readonly monotonicMs: number
}

export function computeView(compute: Compute, context: ViewContext): Record<string, unknown> {
  const stale = compute.stale !== undefined && context.monotonicMs < compute.stale.untilMs
  const block = stale && compute.stale !== undefined ? compute.stale.identity : compute.identity
  return {
    name: compute.name,
    id: compute.id,
    type:
      compute.kind === 'vm'
        ? 'Microsoft.Compute/virtualMachines'
        : 'Microsoft.Compute/virtualMachineScaleSets',
    location: compute.location,
    tags: compute.tags,
    ...identityView(compute, block, context),
    ...(compute.kind === 'vm' ? vmParts(compute) : scaleSetParts(compute)),
  }
}

function identityView(
  compute: Compute,
  block: IdentityBlock,
  context: ViewContext,
): { identity?: Record<string, unknown> } {
  const type = typeOf(block)
  if (type === 'None') return {}
  const system = { principalId: compute.system.principalId, tenantId: context.tenantId }
  const flexible = compute.kind === 'vmss' && compute.orchestration === 'Flexible'
  const user = Object.fromEntries(
    [...block.user.values()].map(({ id, principalId, clientId }) => [
      id,
      // A flexible set lists the ids alone.
      flexible ? {} : { principalId, clientId },
    ]),
  )
  return {
    identity: {
      type,
      ...(block.system ? system : {}),
      ...(block.user.size > 0 ? { userAssignedIdentities: user } : {}),
    },
  }
}

function vmParts(compute: Compute): Record<string, unknown> {
  return {
    properties: {
      hardwareProfile: { vmSize: 'Standard_D2s_v5' },
      provisioningState: compute.provisioningState,
      vmId: compute.vmId,
      osProfile: { computerName: compute.computerName, adminUsername: 'azureuser' },
      ...(compute.memberOf === undefined ? {} : { virtualMachineScaleSet: { id: compute.memberOf } }),
    },
  }
}

function scaleSetParts(compute: Compute): Record<string, unknown> {
  return {
    sku: { name: 'Standard_D2s_v5', tier: 'Standard', capacity: compute.instances.size },
    properties: {
      singlePlacementGroup: false,
      orchestrationMode: compute.orchestration,
      ...(compute.orchestration === 'Uniform' ? { upgradePolicy: { mode: compute.upgradeMode } } : {}),
      provisioningState: compute.provisioningState,
      overprovision: false,
      uniqueId: compute.vmId,
    },
  }
}

/** An instance of a uniform set: it shows no identity of its own. */
export function instanceView(compute: Compute, instance: Instance): Record<string, unknown> {
  return {
    name: `${compute.name}_${instance.instanceId}`,
    id: `${compute.id}/virtualMachines/${instance.instanceId}`,
    type: 'Microsoft.Compute/virtualMachineScaleSets/virtualMachines',
    location: compute.location,
    instanceId: instance.instanceId,
    sku: { name: 'Standard_D2s_v5', tier: 'Standard' },
    properties: {
      latestModelApplied: true,
      vmId: instance.vmId,
      provisioningState: 'Succeeded',
      osProfile: { computerName: instance.computerName, adminUsername: 'azureuser' },
    },
  }
}
