import { ApiError, badRequest, expired, invalid, tooLargeVersion, unexplained } from '../api-error.ts'
import type { KubeObject } from '../kube-object.ts'
import { isTrue } from '../request-info.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { selectorOf } from '../selectors.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { forbiddenField, notSupported } from '../validation/field-problem.ts'
import type { World } from '../world.ts'
import { storeOf } from '../world.ts'
import type { ListMeta } from './presentation.ts'

export interface Listing {
  readonly items: readonly KubeObject[]
  readonly metadata: ListMeta
}

interface Page {
  readonly version: number
  /** Key after which the page begins; empty at the start. */
  readonly after: string
}

const MATCHES = ['Exact', 'NotOlderThan']

/**
 * One page of a list.
 * @throws ApiError 400 or 422 for impossible options, 410 when the version asked for is forgotten, 504 when
 *   it is in the future.
 */
export function listObjects(
  world: World,
  definition: ResourceDefinition,
  namespace: string,
  query: URLSearchParams,
): Listing {
  checkNumbers(query)
  checkListOptions(query)
  const store = storeOf(world, definition)
  const matches = selectorOf(query, definition)
  const page = pageOf(world, query)
  const then = page.version === world.database.versions.current ? undefined : changedSince(store, page, query)
  const limit = limitOf(query)
  const items: KubeObject[] = []
  const keys = keysOf(store, then, namespace === '' ? '' : `${namespace}/`, page.after)
  let last = ''
  let taken = 0
  for (const key of keys) {
    if (items.length >= limit) break
    taken += 1
    last = key
    const object = then?.has(key) === true ? then.get(key) : store.get(key)
    if (object !== undefined && (matches === undefined || matches(object))) items.push(object)
  }
  const metadata = { resourceVersion: String(page.version) }
  if (taken >= keys.length) return { items, metadata }
  const remaining = matches === undefined ? { remainingItemCount: keys.length - taken } : {}
  const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: page.version, start: last })).toString(
    'base64url',
  )
  return { items, metadata: { ...metadata, continue: token, ...remaining } }
}

/** @throws ApiError 400 for a number that is none. */
export function checkNumbers(query: URLSearchParams): void {
  for (const name of ['limit', 'timeoutSeconds']) {
    const text = query.get(name) ?? ''
    if (!/^-?\d*$/.test(text)) {
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
    }
  }
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 0)
  return Number.isInteger(limit) && limit > 0 ? limit : Number.POSITIVE_INFINITY
}

function checkListOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const version = query.get('resourceVersion') ?? ''
  const problems: FieldProblem[] = []
  if (match !== '') {
    const field = 'resourceVersionMatch'
    if (version === '')
      problems.push(
        forbiddenField(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      )
    if ((query.get('continue') ?? '') !== '') {
      problems.push(forbiddenField(field, 'resourceVersionMatch is forbidden when continue is provided'))
    }
    if (!MATCHES.includes(match)) problems.push(notSupported(field, match, [...MATCHES, '']))
    if (match === 'Exact' && version === '0') {
      problems.push(
        forbiddenField(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      )
    }
  }
  if (query.get('sendInitialEvents') !== null) {
    problems.push(forbiddenField('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  if (problems.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', problems)
}

/** The version of a query, undefined when it names none. @throws ApiError 400 when it is no number. */
export function versionOf(query: URLSearchParams): number | undefined {
  const text = query.get('resourceVersion') ?? ''
  if (text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const shown = JSON.stringify(text)
  const problem = `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`
  // A watch finds out later than a list, and has no reason to name.
  if (isTrue(query.get('watch'))) throw unexplained(problem)
  throw badRequest(`invalid resource version: ${problem}`)
}

function pageOf(world: World, query: URLSearchParams): Page {
  const { current } = world.database.versions
  const token = query.get('continue') ?? ''
  const page = token === '' ? undefined : continued(token, current)
  const version = versionOf(query) ?? 0
  if (page !== undefined) {
    if (version !== 0) throw badRequest('specifying resource version is not allowed when using continue')
    return page
  }
  if (version > current) throw tooLargeVersion(version, current)
  return { version: isPinned(query, version) ? version : current, after: '' }
}

/** True when the list is to show that very version: asked for, or implied by a limit with a version. */
function isPinned(query: URLSearchParams, version: number): boolean {
  const match = query.get('resourceVersionMatch')
  if (version === 0) return false
  return match === 'Exact' || (match === null && limitOf(query) < Number.POSITIVE_INFINITY)
}

function continued(token: string, current: number): Page {
  try {
    const { v, rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Record<string, unknown>
    // -1 goes on with what is there now: the token inside a 410 answer.
    if (typeof rv === 'number' && typeof start === 'string')
      return { version: rv === -1 ? current : rv, after: start }
    throw badContinue(`incorrect encoded start resourceVersion (version ${String(v)})`)
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
  }
  throw badContinue('illegal base64 data at input byte 0')
}

function badContinue(why: string): ApiError {
  return badRequest(`invalid continue token: continue key is not valid: ${why}`)
}

function changedSince(
  store: ObjectStore,
  page: Page,
  query: URLSearchParams,
): ReadonlyMap<string, KubeObject | undefined> {
  const then = store.changedSince(page.version)
  if (then !== undefined) return then
  if ((query.get('continue') ?? '') === '')
    throw expired('The resourceVersion for the provided list is too old.')
  const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: -1, start: page.after })).toString(
    'base64url',
  )
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'
  throw new ExpiredContinue(message, token)
}

/** 410 for a continue token, with another token in its metadata that goes on inconsistently. */
class ExpiredContinue extends ApiError {
  readonly token: string

  constructor(message: string, token: string) {
    super(410, 'Expired', message)
    this.token = token
  }

  override status(): ReturnType<ApiError['status']> {
    return super.status({ continue: this.token })
  }
}

/** Keys at the page's version: those of now, and those that are gone since. */
function keysOf(
  store: ObjectStore,
  then: ReadonlyMap<string, KubeObject | undefined> | undefined,
  prefix: string,
  after: string,
): readonly string[] {
  const now = store.keysFrom(prefix, after)
  if (then === undefined || then.size === 0) return now
  const known = new Set(now)
  const gone = [...then]
    .filter(
      ([key, object]) => object !== undefined && !known.has(key) && key.startsWith(prefix) && key > after,
    )
    .map(([key]) => key)
  const born = new Set([...then].filter(([, object]) => object === undefined).map(([key]) => key))
  return [...now.filter((key) => !born.has(key)), ...gone].sort()
}
