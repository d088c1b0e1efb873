import type { Reply } from '../http/exchange.ts'
import { asObject, parseObject, textField } from '../http/json.ts'
import type { Call } from '../http/router.ts'
import type { ManagedIdentity } from '../state/directory.ts'
import { plantIdentity } from '../state/seeding.ts'
import { refuseArm, resourceNotFound } from './arm-errors.ts'
import type { ArmContext, ArmRoute } from './arm-route.ts'
import { requireAction } from './caller.ts'
import { requireGroup } from './compute-routes.ts'
import { LIMITS } from './throttle.ts'

const TYPE = 'Microsoft.ManagedIdentity/userAssignedIdentities'
const GROUP = `/subscriptions/{subscription}/resourceGroups/{group}/providers/${TYPE}`
export const IDENTITY_PATH = `${GROUP}/{name}`
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/

/** User-assigned identities. All calls are synchronous. */
export const identityRoutes: readonly ArmRoute[] = [
  { name: 'arm.identity.get', method: 'GET', path: IDENTITY_PATH, limit: LIMITS.readIdentity, work: read },
  { name: 'arm.identity.put', method: 'PUT', path: IDENTITY_PATH, limit: LIMITS.writeIdentity, work: put },
  {
    name: 'arm.identity.patch',
    method: 'PATCH',
    path: IDENTITY_PATH,
    limit: LIMITS.writeIdentity,
    work: patch,
  },
  {
    name: 'arm.identity.delete',
    method: 'DELETE',
    path: IDENTITY_PATH,
    limit: LIMITS.writeIdentity,
    work: remove,
  },
  { name: 'arm.identity.list', method: 'GET', path: GROUP, work: list },
]

export function identityIdOf(call: Call): string {
  const scope = `/subscriptions/${call.param('subscription')}/resourceGroups/${call.param('group')}`
  return `${scope}/providers/${TYPE}/${call.param('name')}`
}

/** @throws Refused 404 */
function findIdentity(call: Call, context: ArmContext): ManagedIdentity {
  const identity = context.state.identities.get(identityIdOf(call).toLowerCase())
  if (identity !== undefined) return identity
  requireGroup(call, context)
  return refuseArm(resourceNotFound(TYPE, call.param('name'), call.param('group')))
}

function identityView(identity: ManagedIdentity, tenantId: string): Record<string, unknown> {
  return {
    id: identity.id,
    name: identity.name,
    type: TYPE,
    location: identity.location,
    tags: identity.tags,
    properties: { tenantId, principalId: identity.principalId, clientId: identity.clientId },
  }
}

function read(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE}/read`, identityIdOf(call))
  return { status: 200, body: identityView(findIdentity(call, context), context.state.tenant.id) }
}

function put(call: Call, context: ArmContext): Reply {
  const id = identityIdOf(call)
  requireAction(context.caller, `${TYPE}/write`, id)
  if (!NAME.test(call.param('name')))
    refuseArm({
      status: 400,
      code: 'InvalidResourceName',
      message: `The resource name '${call.param('name')}' is invalid.`,
    })
  const body = parseObject(call.body)
  const location = textField(body, 'location')
  if (body === undefined || location === undefined)
    return refuseArm({
      status: 400,
      code: 'LocationRequired',
      message: 'The location property is required for this definition.',
    })
  const known = context.state.identities.get(id.toLowerCase())
  const tags = tagsOf(body)
  if (known !== undefined) {
    known.tags = tags ?? {}
    return { status: 200, body: identityView(known, context.state.tenant.id) }
  }
  if (!context.state.subscriptions.has(call.param('subscription').toLowerCase()))
    refuseArm({
      status: 404,
      code: 'SubscriptionNotFound',
      message: `The subscription '${call.param('subscription')}' could not be found.`,
    })
  const seed = { id, location, tags: tags ?? {}, federatedCredentials: [], roles: [] }
  const identity = plantIdentity(context.state, seed, context.clock)
  return { status: 201, body: identityView(identity, context.state.tenant.id) }
}

function patch(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE}/write`, identityIdOf(call))
  const identity = findIdentity(call, context)
  const tags = tagsOf(parseObject(call.body))
  if (tags !== undefined) identity.tags = tags
  return { status: 200, body: identityView(identity, context.state.tenant.id) }
}

function tagsOf(body: ReturnType<typeof parseObject>): Record<string, string> | undefined {
  const tags = asObject(body?.['tags'])
  if (tags === undefined) return undefined
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, String(value)]))
}

/** What has the identity keeps it as a dead one, as in Azure. */
function remove(call: Call, context: ArmContext): Reply {
  const id = identityIdOf(call)
  requireAction(context.caller, `${TYPE}/delete`, id)
  return { status: context.state.identities.delete(id.toLowerCase()) ? 200 : 204 }
}

function list(call: Call, context: ArmContext): Reply {
  const scope = `/subscriptions/${call.param('subscription')}/resourceGroups/${call.param('group')}`
  requireAction(context.caller, `${TYPE}/read`, scope)
  requireGroup(call, context)
  const within = [...context.state.identities.values()].filter((each) =>
    each.key.startsWith(`${scope.toLowerCase()}/`),
  )
  return { status: 200, body: { value: within.map((each) => identityView(each, context.state.tenant.id)) } }
}
