import type { Clock } from '../../../src/base/clock.ts'
import type { AzureState } from './azure-state.ts'
import type { Compute, Instance } from './compute.ts'
import { guidOf } from './guid.ts'
import type { AssignedIdentity, IdentityBlock } from './identity-block.ts'
import { resourceId, VM_TYPE, VMSS_TYPE } from './resource-path.ts'
import { roleAssignment } from './roles.ts'
import type { SeedScaleSet, SeedVm } from './seed-document.ts'
import { seedPath } from './seed-path.ts'

/** Creates a VM; its seeded identities are known to IMDS at once. */
export function plantVm(state: AzureState, seed: SeedVm, clock: Clock): void {
  const base = plantBase(state, seed, 'vm', clock)
  state.computes.set(base.key, {
    ...base,
    ...(seed.scaleSet === undefined ? {} : { memberOf: seed.scaleSet }),
    computerName: seed.computerName ?? base.name,
    addresses: [...seed.addresses],
  })
}

/** Creates a scale set with its instances. */
export function plantScaleSet(state: AzureState, seed: SeedScaleSet, clock: Clock): void {
  const base = plantBase(state, seed, 'vmss', clock)
  state.computes.set(base.key, {
    ...base,
    orchestration: seed.orchestration,
    upgradeMode: seed.upgradeMode,
    instances: instancesOf(seed, base.name, base.key),
  })
}

function plantBase(
  state: AzureState,
  seed: SeedVm | SeedScaleSet,
  kind: Compute['kind'],
  clock: Clock,
): Compute {
  const path = seedPath(state, seed.id, kind === 'vm' ? VM_TYPE : VMSS_TYPE)
  const name = path.names[0] ?? ''
  const type = kind === 'vm' ? 'virtualMachines' : 'virtualMachineScaleSets'
  const identity: IdentityBlock = {
    system: seed.systemAssigned,
    user: new Map(seed.identities.map((each) => assigned(state, each))),
  }
  const fromMs = clock.monotonic()
  const known = [...identity.user].map(
    ([key, each]) => [key, { ...each, fromMs, untilMs: Number.POSITIVE_INFINITY }] as const,
  )
  return {
    kind,
    id: resourceId(path.subscription, path.group, `Microsoft.Compute/${type}/${name}`),
    key: path.key,
    subscription: path.subscription,
    group: path.group,
    name,
    location: seed.location ?? state.region,
    tags: seed.tags,
    orchestration: 'Uniform',
    upgradeMode: 'Manual',
    vmId: guidOf(`vm ${path.key}`),
    computerName: name,
    addresses: [],
    instances: new Map(),
    system: {
      principalId: guidOf(`principal ${path.key}`),
      clientId: guidOf(`client ${path.key}`),
      roles: seed.roles.map(roleAssignment),
    },
    provisioningState: 'Succeeded',
    identity,
    imds: new Map(known),
    ...(seed.systemAssigned ? { imdsSystemFromMs: fromMs } : {}),
  }
}

function assigned(state: AzureState, reference: string): [string, AssignedIdentity] {
  const identity =
    state.identities.get(reference.toLowerCase()) ??
    [...state.identities.values()].find((each) => each.name.toLowerCase() === reference.toLowerCase())
  if (identity === undefined) throw new Error(`the seed assigns '${reference}', which is no identity of it`)
  const { id, key, clientId, principalId } = identity
  return [key, { id: reference.startsWith('/') ? reference : id, clientId, principalId }]
}

function instancesOf(seed: SeedScaleSet, name: string, key: string): Map<string, Instance> {
  const instances = new Map<string, Instance>()
  for (const each of seed.instances) {
    const given = typeof each === 'string' ? { instanceId: each, addresses: [] } : each
    const number = Number.parseInt(given.instanceId, 10)
    const suffix = Number.isNaN(number) ? given.instanceId : number.toString(36).padStart(6, '0')
    instances.set(given.instanceId, {
      instanceId: given.instanceId,
      computerName: ('computerName' in given ? given.computerName : undefined) ?? `${name}${suffix}`,
      vmId: guidOf(`vm ${key} ${given.instanceId}`),
      addresses: [...given.addresses],
    })
  }
  return instances
}
