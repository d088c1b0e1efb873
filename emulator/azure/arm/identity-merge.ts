import { asObject } from '../http/json.ts'
import type { IdentityBlock } from '../state/identity-block.ts'
import { IDENTITY_TYPE, readResourcePath } from '../state/resource-path.ts'
import type { ArmProblem } from './arm-errors.ts'

/** What a PATCH of `identity` asks for, after it was found well formed. */
export interface IdentityChange {
  readonly system: boolean
  /** Lower-case ids of the wanted set, each with the spelling to store. */
  readonly wanted: ReadonlyMap<string, string>
  /** Keys of the body by lower-case id, as they were spelt. */
  readonly named: ReadonlyMap<string, { readonly id: string; readonly removal: boolean }>
}

export type MergeResult =
  | { readonly ok: true; readonly change: IdentityChange }
  | { readonly ok: false; readonly problem: ArmProblem; readonly violation?: string }

/** Most keys in one request. */
export const MOST_KEYS = 150

const KNOWN_FIELDS = new Set(['type', 'userAssignedIdentities'])

/**
 * Applies a merge-patch of the identity block: `{}` adds, `null` removes, what is not named stays, and the
 * type decides about the rest. Pure: whether the identities exist and may be used is not its business.
 */
export function mergeIdentity(current: IdentityBlock, patch: unknown, resource: string): MergeResult {
  const body = asObject(patch)
  if (body === undefined)
    return refused(400, 'InvalidRequestContent', 'The identity must be a JSON object.', 'identity-shape')
  const foreign = Object.keys(body).find((field) => !KNOWN_FIELDS.has(field))
  if (foreign !== undefined)
    return refused(
      400,
      'InvalidRequestContent',
      `The identity block must not contain '${foreign}'.`,
      'identity-shape',
    )
  const kind = readType(body['type'], current)
  if (kind === undefined)
    return refused(
      400,
      'InvalidParameter',
      `The value '${String(body['type'])}' of parameter 'identity.type' is invalid.`,
      'identity-type',
    )
  const map = body['userAssignedIdentities']
  if (kind.user) return mergeUserAssigned(current, map ?? undefined, kind.system, resource)
  if (map !== undefined && map !== null)
    return refusedIdentity(
      resource,
      'The request format was unexpected, a non-UserAssigned identity type should not contain: userAssignedIdentities',
    )
  return { ok: true, change: { system: kind.system, wanted: new Map(), named: new Map() } }
}

/** The set of user-assigned identities after the patch; `map` is undefined when the body has none. */
function mergeUserAssigned(
  current: IdentityBlock,
  map: unknown,
  system: boolean,
  resource: string,
): MergeResult {
  const keys = map === undefined ? {} : asObject(map)
  if (keys === undefined)
    return refused(
      400,
      'InvalidRequestContent',
      'userAssignedIdentities must be a JSON object.',
      'identity-shape',
    )
  const named = readKeys(keys, current, resource)
  if (!named.ok) return named
  const wanted = new Map([...current.user].map(([key, { id }]) => [key, id]))
  for (const [key, { id, removal }] of named.keys) {
    if (removal) wanted.delete(key)
    else if (!wanted.has(key)) wanted.set(key, id)
  }
  const explicitlyEmpty = map !== undefined && named.keys.size === 0
  if (wanted.size > 0 && !explicitlyEmpty) return { ok: true, change: { system, wanted, named: named.keys } }
  return refused(
    400,
    'MissingIdentityIds',
    "The identity ids must not be null or empty for 'UserAssigned' identity type.",
  )
}

function readType(type: unknown, current: IdentityBlock): { system: boolean; user: boolean } | undefined {
  if (type === undefined) return { system: current.system, user: current.user.size > 0 }
  if (typeof type !== 'string') return undefined
  const parts = type
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .sort()
  switch (parts.join(',')) {
    case 'none':
      return { system: false, user: false }
    case 'systemassigned':
      return { system: true, user: false }
    case 'userassigned':
      return { system: false, user: true }
    case 'systemassigned,userassigned':
      return { system: true, user: true }
    default:
      return undefined
  }
}

type Keys = Map<string, { id: string; removal: boolean }>

function readKeys(
  map: Readonly<Record<string, unknown>>,
  current: IdentityBlock,
  resource: string,
): { ok: true; keys: Keys } | Extract<MergeResult, { ok: false }> {
  const keys: Keys = new Map()
  const entries = Object.entries(map)
  if (entries.length > MOST_KEYS) {
    const text = `User Assigned Identities Number '${entries.length}' Assign exceed limit '${MOST_KEYS}' in one request.`
    return {
      ...refusedIdentity(resource, inner(text)),
      violation: `more than ${MOST_KEYS} identities in one PATCH`,
    }
  }
  for (const [id, value] of entries) {
    const path = readResourcePath(id)
    if (path === undefined || path.type !== IDENTITY_TYPE || path.names.length !== 1)
      return refused(
        400,
        'LinkedInvalidPropertyId',
        `Property id '${id}' at path 'identity.userAssignedIdentities' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{subscriptionId}' or '/providers/{resourceProviderNamespace}/'.`,
      )
    if (keys.has(path.key)) {
      const message = `ResourceIdentity identityId '${id}' cannot be duplicated in the provided identityIds list.`
      const problem = {
        status: 400,
        code: 'InvalidParameter',
        message,
        target: 'resourceIdentity.identityIds',
      }
      return { ok: false, problem, violation: `one identity in two spellings: ${id}` }
    }
    if (!isValueAllowed(value, current, path.key))
      return refused(
        400,
        'InvalidIdentityValues',
        `Invalid value for the identities '${id}'. The 'UserAssignedIdentities' property keys should only be empty json objects, null or the resource exisiting property.`,
      )
    keys.set(path.key, { id, removal: value === null })
  }
  return { ok: true, keys }
}

function isValueAllowed(value: unknown, current: IdentityBlock, key: string): boolean {
  if (value === null) return true
  const object = asObject(value)
  if (object === undefined) return false
  const held = current.user.get(key)
  return Object.entries(object).every(
    ([field, text]) =>
      held !== undefined &&
      ((field === 'clientId' && text === held.clientId) ||
        (field === 'principalId' && text === held.principalId)),
  )
}

function refused(
  status: number,
  code: string,
  message: string,
  violation?: string,
): Extract<MergeResult, { ok: false }> {
  const problem = { status, code, message }
  return violation === undefined ? { ok: false, problem } : { ok: false, problem, violation }
}

function inner(message: string): string {
  return `Failed to perform resource identity operation. Status: 'BadRequest'. Response: '${JSON.stringify({ error: { code: 'BadRequest', message } })}'.`
}

function refusedIdentity(resource: string, text: string): Extract<MergeResult, { ok: false }> {
  return { ok: false, problem: failedIdentityOperation(resource, text) }
}

function failedIdentityOperation(resource: string, text: string): ArmProblem {
  const message = `Identity operation for resource '${resource}' failed with error '${text}'.`
  return { status: 400, code: 'FailedIdentityOperation', message }
}

/** An identity of the wanted set is gone: every PATCH fails until it is sent with `null`. */
export function deadIdentity(resource: string, key: string): ArmProblem {
  return failedIdentityOperation(resource, inner(`Resource '${key}' was not found.`))
}
