import type { Reply } from '../http/exchange.ts'
import type { Call } from '../http/router.ts'
import type { Compute } from '../state/compute.ts'
import { refuseArm, resourceNotFound } from './arm-errors.ts'
import type { ArmContext, ArmRoute } from './arm-route.ts'
import { requireAction } from './caller.ts'
import { patchCompute } from './compute-patch.ts'
import { computeView, instanceView } from './compute-views.ts'
import { LIMITS } from './throttle.ts'

const GROUP = '/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute'
const VM = `${GROUP}/virtualMachines/{name}`
const VMSS = `${GROUP}/virtualMachineScaleSets/{name}`

type Kind = 'vm' | 'vmss'
const TYPE: Readonly<Record<Kind, string>> = {
  vm: 'Microsoft.Compute/virtualMachines',
  vmss: 'Microsoft.Compute/virtualMachineScaleSets',
}

/** VMs, scale sets, their instances and the operations on them. */
export const computeRoutes: readonly ArmRoute[] = [
  { name: 'arm.vm.get', method: 'GET', path: VM, limit: LIMITS.getVm, work: read('vm') },
  { name: 'arm.vm.patch', method: 'PATCH', path: VM, limit: LIMITS.updateVm, work: patch('vm') },
  { name: 'arm.vm.list', method: 'GET', path: `${GROUP}/virtualMachines`, work: list('vm') },
  { name: 'arm.vmss.get', method: 'GET', path: VMSS, limit: LIMITS.getVmss, work: read('vmss') },
  { name: 'arm.vmss.patch', method: 'PATCH', path: VMSS, limit: LIMITS.updateVmss, work: patch('vmss') },
  { name: 'arm.vmss.list', method: 'GET', path: `${GROUP}/virtualMachineScaleSets`, work: list('vmss') },
  { name: 'arm.vmss.upgrade', method: 'POST', path: `${VMSS}/manualupgrade`, work: upgrade },
  { name: 'arm.instance.get', method: 'GET', path: `${VMSS}/virtualMachines/{instance}`, work: readInstance },
  { name: 'arm.instance.list', method: 'GET', path: `${VMSS}/virtualMachines`, work: listInstances },
  {
    name: 'arm.operation.get',
    method: 'GET',
    path: '/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/operations/{operation}',
    limit: LIMITS.operation,
    work: readOperation,
  },
]

function idOf(call: Call, kind: Kind): string {
  const scope = `/subscriptions/${call.param('subscription')}/resourceGroups/${call.param('group')}`
  return `${scope}/providers/${TYPE[kind]}/${call.param('name')}`
}

function find(call: Call, kind: Kind, context: ArmContext): Compute {
  const compute = context.state.computes.get(idOf(call, kind).toLowerCase())
  if (compute !== undefined) return compute
  requireGroup(call, context)
  return refuseArm(resourceNotFound(TYPE[kind], call.param('name'), call.param('group')))
}

/** @throws Refused 404 when the subscription or the group of a path does not exist */
export function requireGroup(call: Call, context: ArmContext): void {
  const [subscription, group] = [call.param('subscription'), call.param('group')]
  const { state } = context
  if (!state.subscriptions.has(subscription.toLowerCase()))
    refuseArm({
      status: 404,
      code: 'SubscriptionNotFound',
      message: `The subscription '${subscription}' could not be found.`,
    })
  const prefix = `/subscriptions/${subscription}/resourcegroups/${group}/`.toLowerCase()
  const known = [...state.computes.keys(), ...state.identities.keys(), ...state.generations.keys()]
  if (!known.some((key) => key.startsWith(prefix)))
    refuseArm({
      status: 404,
      code: 'ResourceGroupNotFound',
      message: `Resource group '${group}' could not be found.`,
    })
}

function view(compute: Compute, context: ArmContext): Record<string, unknown> {
  return computeView(compute, { tenantId: context.state.tenant.id, monotonicMs: context.clock.monotonic() })
}

function read(kind: Kind) {
  return (call: Call, context: ArmContext): Reply => {
    requireAction(context.caller, `${TYPE[kind]}/read`, idOf(call, kind))
    return { status: 200, body: view(find(call, kind, context), context) }
  }
}

function patch(kind: Kind) {
  return (call: Call, context: ArmContext): Reply => {
    requireAction(context.caller, `${TYPE[kind]}/write`, idOf(call, kind))
    const compute = find(call, kind, context)
    return patchCompute(call, compute, context.caller, { ...context, view: (each) => view(each, context) })
  }
}

function list(kind: Kind) {
  return (call: Call, context: ArmContext): Reply => {
    const scope = `/subscriptions/${call.param('subscription')}/resourceGroups/${call.param('group')}`
    requireAction(context.caller, `${TYPE[kind]}/read`, scope)
    requireGroup(call, context)
    const within = [...context.state.computes.values()].filter(
      (each) => each.kind === kind && each.key.startsWith(`${scope.toLowerCase()}/`),
    )
    return { status: 200, body: { value: within.map((each) => view(each, context)) } }
  }
}

function upgrade(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE.vmss}/manualUpgrade/action`, idOf(call, 'vmss'))
  find(call, 'vmss', context)
  return { status: 200 }
}

function readInstance(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE.vmss}/virtualMachines/read`, idOf(call, 'vmss'))
  const compute = find(call, 'vmss', context)
  const instance = compute.instances.get(call.param('instance'))
  if (instance === undefined)
    return refuseArm({
      status: 404,
      code: 'NotFound',
      message: `The entity was not found in this Azure location: instance '${call.param('instance')}'.`,
    })
  return { status: 200, body: instanceView(compute, instance) }
}

function listInstances(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE.vmss}/virtualMachines/read`, idOf(call, 'vmss'))
  const compute = find(call, 'vmss', context)
  return {
    status: 200,
    body: { value: [...compute.instances.values()].map((each) => instanceView(compute, each)) },
  }
}

/** The operation document, or with `monitor=true` the resource when it is done. */
function readOperation(call: Call, context: ArmContext): Reply {
  const operation = context.state.operations.get(call.param('operation'))
  if (operation === undefined)
    return refuseArm({
      status: 404,
      code: 'NotFound',
      message: `The operation '${call.param('operation')}' was not found.`,
    })
  const compute = context.state.computes.get(operation.compute)
  const output = compute === undefined ? undefined : view(compute, context)
  const running = operation.status === 'InProgress'
  const headers = running ? { 'retry-after': String(context.settings.operationRetryAfterSeconds) } : {}
  if (call.query.get('monitor') === 'true') {
    if (running)
      return { status: 202, headers: { ...headers, location: `https://${call.host}${call.target}` } }
    if (operation.status === 'Succeeded') return { status: 200, body: output }
    return { status: 409, body: { error: operation.error } }
  }
  return {
    status: 200,
    headers,
    body: {
      startTime: new Date(operation.startedMs).toISOString(),
      ...(operation.endedMs === undefined ? {} : { endTime: new Date(operation.endedMs).toISOString() }),
      status: operation.status,
      ...(operation.status === 'Succeeded' ? { properties: { output } } : {}),
      ...(operation.error === undefined ? {} : { error: operation.error }),
      name: operation.id,
    },
  }
}
