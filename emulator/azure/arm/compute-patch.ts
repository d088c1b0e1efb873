import type { Reply } from '../http/exchange.ts'
import { parseObject } from '../http/json.ts'
import type { Call } from '../http/router.ts'
import type { AzureState } from '../state/azure-state.ts'
import type { Compute } from '../state/compute.ts'
import type { AssignedIdentity, IdentityBlock } from '../state/identity-block.ts'
import type { Journal } from '../state/journal.ts'
import type { Settings } from '../state/settings.ts'
import { refuseArm } from './arm-errors.ts'
import { type Caller, requireAssign } from './caller.ts'
import { deadIdentity, type IdentityChange, mergeIdentity } from './identity-merge.ts'
import type { Operations } from './operations.ts'

export interface PatchDeps {
  readonly state: AzureState
  readonly settings: Settings
  readonly journal: Journal
  readonly operations: Operations
  readonly view: (compute: Compute) => Record<string, unknown>
}

/** PATCH of a VM or scale set: the identity block and nothing else. @throws Refused */
export function patchCompute(call: Call, compute: Compute, caller: Caller, deps: PatchDeps): Reply {
  const action = `Microsoft.Compute/${compute.kind === 'vm' ? 'virtualMachines' : 'virtualMachineScaleSets'}/write`
  const change = readChange(call, compute, deps)
  const checked = [...change.named.values()].filter(
    (each) => !each.removal || deps.settings.checkAssignOnRemoval,
  )
  requireAssign(
    caller,
    { action, scope: compute.id },
    checked.map((each) => each.id),
  )
  if (compute.provisioningState === 'Deleting')
    refuseArm({
      status: 409,
      code: 'OperationNotAllowed',
      message: `Operation 'update' is not allowed on '${compute.name}' since it is marked for deletion.`,
    })
  if (compute.operation !== undefined && deps.settings.concurrentPatch === 'conflict')
    refuseArm({
      status: 409,
      code: 'Conflict',
      message: `The request failed due to conflict with a concurrent request. Another operation is in progress on '${compute.name}'. To resolve it, please retry later.`,
    })
  const wanted = wantedBlock(change, compute, deps)
  deps.operations.preempt(compute)
  const operation = deps.operations.begin(compute, wanted)
  return {
    status: deps.settings.patchStatus,
    headers: operationHeaders(call, compute, operation.id, deps.settings),
    body: deps.view(compute),
  }
}

function readChange(call: Call, compute: Compute, deps: PatchDeps): IdentityChange {
  const body = parseObject(call.body)
  if (body === undefined)
    return refuseArm({
      status: 400,
      code: 'InvalidRequestContent',
      message: 'The request content was invalid and could not be deserialized.',
    })
  const foreign = Object.keys(body).filter((field) => field !== 'identity')
  if (foreign.length > 0 || !('identity' in body)) {
    deps.journal.violate(
      'patch-beyond-identity',
      `${call.target}: fields ${Object.keys(body).join(', ') || '(none)'}`,
    )
    return refuseArm({
      status: 400,
      code: 'EmulatorRefusal',
      message: `This emulator takes a PATCH of 'identity' and nothing else; the body has: ${Object.keys(body).join(', ')}.`,
    })
  }
  const merged = mergeIdentity(compute.identity, body['identity'], compute.id)
  if (!merged.ok) {
    if (merged.violation !== undefined)
      deps.journal.violate('identity-patch', `${call.target}: ${merged.violation}`)
    return refuseArm(merged.problem)
  }
  if (merged.change.system && compute.kind === 'vmss' && compute.orchestration === 'Flexible')
    return refuseArm({
      status: 400,
      code: 'InvalidParameter',
      message:
        'System assigned identity is not supported for virtual machine scale sets with flexible orchestration mode.',
      target: 'identity.type',
    })
  return merged.change
}

/** The new block. An identity that stays keeps the ids it came with, also when it was recreated since. */
function wantedBlock(change: IdentityChange, compute: Compute, deps: PatchDeps): IdentityBlock {
  const user = new Map<string, AssignedIdentity>()
  for (const [key, id] of change.wanted) {
    const live = deps.state.identities.get(key)
    if (live === undefined) return refuseArm(deadIdentity(compute.id, key))
    const { clientId, principalId } = live
    user.set(key, compute.identity.user.get(key) ?? { id: spelt(id, deps.settings), clientId, principalId })
  }
  return { system: change.system, user }
}

function spelt(id: string, settings: Settings): string {
  return settings.identityKeyCase === 'as-sent' ? id : id.replace(/\/resourcegroups\//i, '/resourcegroups/')
}

function operationHeaders(
  call: Call,
  compute: Compute,
  id: string,
  settings: Settings,
): Record<string, string> {
  const base = `https://${call.host}/subscriptions/${compute.subscription}/providers/Microsoft.Compute/locations/${compute.location}/operations/${id}`
  const version = encodeURIComponent(call.query.get('api-version') ?? '')
  return {
    'azure-asyncoperation': `${base}?p=${id}&api-version=${version}`,
    location: `${base}?p=${id}&monitor=true&api-version=${version}`,
    'retry-after': String(settings.operationRetryAfterSeconds),
  }
}
