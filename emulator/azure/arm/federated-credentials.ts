import { sleep } from '../../../src/base/deadline.ts'
import type { Reply } from '../http/exchange.ts'
import { asObject, parseObject, textField } from '../http/json.ts'
import type { Call } from '../http/router.ts'
import type { FederatedCredential, ManagedIdentity } from '../state/directory.ts'
import { refuseArm } from './arm-errors.ts'
import type { ArmContext, ArmRoute } from './arm-route.ts'
import { requireAction } from './caller.ts'
import { IDENTITY_PATH, identityIdOf } from './managed-identities.ts'
import { LIMITS } from './throttle.ts'

const TYPE = 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials'
const ALL = `${IDENTITY_PATH}/federatedIdentityCredentials`
const ONE = `${ALL}/{credential}`
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/
/** Most credentials of one identity. */
const MOST_CREDENTIALS = 20
const LONGEST_FIELD = 600
const FIELDS = new Set(['issuer', 'subject', 'audiences'])

/** Federated identity credentials of user-assigned identities. */
export const federatedRoutes: readonly ArmRoute[] = [
  { name: 'arm.federated.get', method: 'GET', path: ONE, limit: LIMITS.readIdentity, work: read },
  { name: 'arm.federated.put', method: 'PUT', path: ONE, limit: LIMITS.writeIdentity, work: put },
  { name: 'arm.federated.delete', method: 'DELETE', path: ONE, limit: LIMITS.writeIdentity, work: remove },
  { name: 'arm.federated.list', method: 'GET', path: ALL, limit: LIMITS.readIdentity, work: list },
]

function bad(message: string, code = 'BadRequest'): never {
  return refuseArm({ status: 400, code, message })
}

function parent(call: Call, context: ArmContext): ManagedIdentity {
  const identity = context.state.identities.get(identityIdOf(call).toLowerCase())
  return (
    identity ??
    refuseArm({
      status: 404,
      code: 'ParentResourceNotFound',
      message: "The parent user-assigned identity doesn't exist.",
    })
  )
}

function view(identity: ManagedIdentity, credential: FederatedCredential): Record<string, unknown> {
  const { name, issuer, subject, audiences } = credential
  return {
    id: `${identity.id}/federatedIdentityCredentials/${name}`,
    name,
    type: TYPE,
    properties: { issuer, subject, audiences },
  }
}

function read(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE}/read`, identityIdOf(call))
  const identity = parent(call, context)
  const credential = identity.federated.get(call.param('credential').toLowerCase())
  if (credential === undefined)
    return refuseArm({
      status: 404,
      code: 'NotFound',
      message: `The federated identity credential '${call.param('credential')}' was not found.`,
    })
  return { status: 200, body: view(identity, credential) }
}

function list(call: Call, context: ArmContext): Reply {
  requireAction(context.caller, `${TYPE}/read`, identityIdOf(call))
  const identity = parent(call, context)
  const all = [...identity.federated.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  const top = Math.max(1, Number(call.query.get('$top') ?? all.length) || all.length)
  const skip = Math.max(0, Number(call.query.get('$skiptoken') ?? 0) || 0)
  const page = all.slice(skip, skip + top)
  const next = new URLSearchParams([
    ['api-version', call.query.get('api-version') ?? ''],
    ['$top', String(top)],
    ['$skiptoken', String(skip + top)],
  ])
  const nextLink = `https://${call.host}/${call.segments.map(encodeURIComponent).join('/')}?${next.toString()}`
  const more = skip + top < all.length
  return {
    status: 200,
    body: { value: page.map((each) => view(identity, each)), ...(more ? { nextLink } : {}) },
  }
}

async function put(call: Call, context: ArmContext): Promise<Reply> {
  requireAction(context.caller, `${TYPE}/write`, identityIdOf(call))
  const identity = parent(call, context)
  const wanted = readCredential(call)
  return exclusively(identity, call, context, () => {
    const key = wanted.name.toLowerCase()
    const others = [...identity.federated].filter(([name]) => name !== key).map(([, each]) => each)
    if (others.some((each) => each.issuer === wanted.issuer && each.subject === wanted.subject))
      bad('Issuer and subject combination already exists for this Managed Identity.')
    const known = identity.federated.get(key)
    if (known === undefined && identity.federated.size >= MOST_CREDENTIALS)
      bad(
        `Too many Federated Identity Credentials for the managed identity; the limit is ${MOST_CREDENTIALS}.`,
        'FederatedIdentityCredentialsLimitExceeded',
      )
    const credential = { ...wanted, name: known?.name ?? wanted.name, writtenMs: context.clock.monotonic() }
    identity.federated.set(key, credential)
    return { status: known === undefined ? 201 : 200, body: view(identity, credential) }
  })
}

async function remove(call: Call, context: ArmContext): Promise<Reply> {
  requireAction(context.caller, `${TYPE}/delete`, identityIdOf(call))
  const identity = parent(call, context)
  return exclusively(identity, call, context, () => ({
    status: identity.federated.delete(call.param('credential').toLowerCase()) ? 200 : 204,
  }))
}

/** Writes below one identity do not go together: the second is refused while the first runs. */
async function exclusively(
  identity: ManagedIdentity,
  call: Call,
  context: ArmContext,
  write: () => Reply,
): Promise<Reply> {
  if (identity.writing)
    refuseArm({
      status: 409,
      code: 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity',
      message: `Too many Federated Identity Credentials are written concurrently for the managed identity '${identity.id.replace('Microsoft.ManagedIdentity/userAssignedIdentities', 'microsoft.managedidentity/userassignedidentities')}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported.`,
    })
  identity.writing = true
  try {
    if (context.settings.federatedWriteMs > 0)
      await sleep(context.clock, context.settings.federatedWriteMs, call.signal)
    return write()
  } finally {
    identity.writing = false
  }
}

function readCredential(call: Call): Omit<FederatedCredential, 'writtenMs'> {
  const name = call.param('credential')
  if (!NAME.test(name)) bad(`Federated Identity Credential name '${name}' is invalid.`)
  const properties = asObject(parseObject(call.body)?.['properties'])
  if (properties === undefined || Object.keys(properties).length === 0)
    return bad('Federated Identity Credential from HTTP body has empty properties')
  const foreign = Object.keys(properties).find((field) => !FIELDS.has(field))
  if (foreign !== undefined)
    bad(`This emulator has no property '${foreign}' of federated identity credentials.`)
  const audiences: unknown = properties['audiences']
  const audience: unknown = Array.isArray(audiences) && audiences.length === 1 ? audiences[0] : undefined
  if (typeof audience !== 'string')
    return bad('Federated identity credentials must have exactly one audience.')
  const [issuer, subject] = [textField(properties, 'issuer'), textField(properties, 'subject')]
  return {
    name,
    issuer: bounded('issuer', issuer),
    subject: bounded('subject', subject),
    audiences: [bounded('audience', audience)],
  }
}

function bounded(field: string, value = ''): string {
  if (value === '' || value.length > LONGEST_FIELD)
    bad(`The ${field} of a federated identity credential must have 1 to ${LONGEST_FIELD} characters.`)
  return value
}
