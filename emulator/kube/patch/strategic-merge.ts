import { badRequest } from '../api-error.ts'
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
        merged[field] = ordered(list, value, fieldSchema(schema, field)?.['x-kubernetes-patch-merge-key'])
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
  const sort = (list: unknown[]): unknown[] => (isList(order) ? ordered(list, order, key) : list)
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
      throw badRequest(`map: ${JSON.stringify(each)} does not contain declared merge key: ${key}`)
    const at = merged.findIndex((one) => isFields(one) && sameJson(one[key], id))
    if (each[DIRECTIVE] === 'delete')
      merged = merged.filter((one) => !(isFields(one) && sameJson(one[key], id)))
    else if (at >= 0) merged[at] = strategicMerge(merged[at], each, item)
    else merged.push(strategicMerge({}, each, item))
  }
  return sort(merged)
}

/** Items in the order that the patch names; the others keep their place after those before them. */
function ordered(list: readonly unknown[], order: readonly unknown[], key: string | undefined): unknown[] {
  const idOf = (item: unknown): string =>
    JSON.stringify(key !== undefined && isFields(item) ? item[key] : (item ?? null))
  const rank = new Map(order.map((each, at) => [idOf(each), at]))
  const named = list.filter((each) => rank.has(idOf(each)))
  named.sort((a, b) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0))
  const next = named[Symbol.iterator]()
  return list.map((each) => (rank.has(idOf(each)) ? next.next().value : each))
}
