import { badRequest, unexplained } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, isList, sameJson, setField } from '../json.ts'
import { fieldSchema, resolved } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'

const DIRECTIVE = '$patch'
const RETAIN = '$retainKeys'
const ORDER = '$setElementOrder/'
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/'

/**
 * Strategic merge patch: like a merge patch, but lists whose items have a merge key are merged item by
 * item, and directives (`$patch`, `$retainKeys`, `$setElementOrder/...`, `$deleteFromPrimitiveList/...`)
 * say the rest.
 * @throws ApiError 400 for a patch that breaks the rules.
 */
export function strategicMerge(target: unknown, patch: unknown, schema: Schema): unknown {
  if (!isFields(patch)) return patch
  const known = resolved(schema)
  if (Object.keys(patch).some((each) => each === ORDER.slice(0, -1)))
    throw badRequest('invalid patch format of setElementOrder list')
  if (patch[DIRECTIVE] === 'replace') return withoutDirectives(patch)
  if (patch[DIRECTIVE] === 'delete') return {}
  const merged: Fields = retained(isFields(target) ? { ...target } : {}, patch)
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith('$')) mergeField(merged, key, value, { patch, schema: fieldSchema(known, key) ?? {} })
  }
  mergeDirectives(merged, patch, known)
  return merged
}

function withoutDirectives(patch: Fields): Fields {
  return Object.fromEntries(
    Object.entries(patch).filter(([key, value]) => !key.startsWith('$') && value !== null),
  )
}

function retained(target: Fields, patch: Fields): Fields {
  const keys = patch[RETAIN]
  return isList(keys)
    ? Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)))
    : target
}

function mergeField(
  merged: Fields,
  key: string,
  value: unknown,
  context: { readonly patch: Fields; readonly schema: Schema },
): void {
  if (value === null) {
    delete merged[key]
    return
  }
  const { schema } = context
  const mergesItems = (schema['x-kubernetes-patch-strategy'] ?? '').split(',').includes('merge')
  if (isList(value) && mergesItems) {
    const order = context.patch[`${ORDER}${key}`]
    setField(merged, key, mergeList(isList(merged[key]) ? merged[key] : [], value, { schema, order }))
    return
  }
  setField(merged, key, isFields(value) ? strategicMerge(merged[key], value, schema) : value)
}

/** Directives about lists that the patch does not otherwise touch. */
function mergeDirectives(merged: Fields, patch: Fields, schema: Schema): void {
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(DELETE_PRIMITIVES) && isList(value)) {
      const field = key.slice(DELETE_PRIMITIVES.length)
      const list = merged[field]
      if (isList(list)) merged[field] = list.filter((each) => !value.includes(each))
    }
    if (key.startsWith(ORDER) && isList(value)) {
      const field = key.slice(ORDER.length)
      const list = merged[field]
      if (isList(list) && patch[field] === undefined) {
        const key = fieldSchema(schema, field)?.['x-kubernetes-patch-merge-key']
        merged[field] = interleaved(list, { first: value, target: list, key })
      }
    }
  }
}

function mergeList(
  target: readonly unknown[],
  patch: readonly unknown[],
  context: { readonly schema: Schema; readonly order: unknown },
): unknown[] {
  const { schema, order } = context
  const key = schema['x-kubernetes-patch-merge-key']
  const first = isList(order) ? order : patch
  const sort = (list: readonly unknown[]): unknown[] => interleaved(list, { first, target, key })
  if (key === undefined)
    return sort([...target, ...patch.filter((each) => !target.some((one) => sameJson(one, each)))])
  const item = schema.items ?? {}
  let merged = [...target]
  if (patch.some((each) => isFields(each) && each[DIRECTIVE] === 'replace' && each[key] === undefined)) {
    return patch.filter((each) => isFields(each) && each[DIRECTIVE] === undefined)
  }
  for (const each of patch) {
    if (!isFields(each)) throw badRequest('expected object in list with merge key')
    const id = each[key]
    if (id === undefined)
      throw unexplained(`map: ${goText(each)} does not contain declared merge key: ${key}`)
    const at = merged.findIndex((one) => isFields(one) && sameJson(one[key], id))
    if (each[DIRECTIVE] === 'delete')
      merged = merged.filter((one) => !(isFields(one) && sameJson(one[key], id)))
    else if (at >= 0) merged[at] = strategicMerge(merged[at], each, item)
    else merged.push(strategicMerge({}, each, item))
  }
  return sort(merged)
}

/**
 * Items in the order that the patch names them; an item that only the server has goes before the one that it
 * stood before, else behind.
 */
function interleaved(
  list: readonly unknown[],
  order: {
    readonly first: readonly unknown[]
    readonly target: readonly unknown[]
    readonly key: string | undefined
  },
): unknown[] {
  const idOf = (item: unknown): string => identityOf(item, order.key)
  const ranks = new Map(order.first.map((each, at) => [idOf(each), at]))
  const places = new Map(order.target.map((each, at) => [idOf(each), at]))
  const placeOf = (item: unknown): number | undefined => places.get(idOf(item))
  const named = list.filter((each) => ranks.has(idOf(each)))
  named.sort((a, b) => (ranks.get(idOf(a)) ?? 0) - (ranks.get(idOf(b)) ?? 0))
  const others = list.filter((each) => !ranks.has(idOf(each)))
  const result: unknown[] = []
  while (named.length > 0 && others.length > 0) {
    const [other, own] = [placeOf(others[0]), placeOf(named[0])]
    const before = other !== undefined && own !== undefined && other < own
    result.push((before ? others : named).shift())
  }
  return [...result, ...named, ...others]
}

function identityOf(item: unknown, key: string | undefined): string {
  return JSON.stringify(key !== undefined && isFields(item) ? item[key] : (item ?? null))
}

/** An object as Go prints a map. */
function goText(value: Fields): string {
  const fields = Object.entries(value).map(
    ([key, each]) => `${key}:${isFields(each) ? goText(each) : String(each)}`,
  )
  return `map[${fields.sort().join(' ')}]`
}
