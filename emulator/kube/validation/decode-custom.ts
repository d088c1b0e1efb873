import type { Fields } from '../json.ts'
import { copyJson, isFields, isList, setField } from '../json.ts'
import { OBJECT_META_REF } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'
import { decodeBuiltin } from './decode-builtin.ts'

const TYPE_META: readonly string[] = ['apiVersion', 'kind', 'metadata']

/** An object of a custom resource without the fields that its schema does not have. */
export interface Pruned {
  readonly value: unknown
  readonly unknown: readonly string[]
  /** `metadata` (its own or an embedded object's) that does not have the shape of ObjectMeta. */
  readonly mismatch: string | undefined
}

/** Drops what a structural schema does not name; `x-kubernetes-preserve-unknown-fields` keeps it. */
export function pruneCustom(value: unknown, schema: Schema, keepEmpty = false): Pruned {
  const walk: Walk = { unknown: [], mismatch: undefined, keepEmpty }
  const pruned = prune(value, { ...schema, 'x-kubernetes-embedded-resource': true }, '', walk)
  walk.unknown.sort()
  return { value: pruned, unknown: walk.unknown, mismatch: walk.mismatch }
}

interface Walk {
  readonly keepEmpty: boolean
  readonly unknown: string[]
  mismatch: string | undefined
}

function prune(value: unknown, schema: Schema, path: string, walk: Walk): unknown {
  if (isList(value)) {
    const items = schema.items
    return items === undefined ? value : value.map((each, at) => prune(each, items, `${path}[${at}]`, walk))
  }
  if (!isFields(value)) return value
  const kept: Fields = {}
  for (const [key, each] of Object.entries(value)) {
    const place = path === '' ? key : `${path}.${key}`
    const next = pruneField({ key, each, schema, place, walk })
    if (next !== undefined) setField(kept, key, next)
  }
  return kept
}

interface FieldStep {
  readonly key: string
  readonly each: unknown
  readonly schema: Schema
  readonly place: string
  readonly walk: Walk
}

function pruneField(step: FieldStep): unknown {
  const { key, each, schema, place, walk } = step
  const embedded = schema['x-kubernetes-embedded-resource'] === true
  if (embedded && key === 'metadata') return pruneMetadata(each, place, walk)
  const known = schema.properties?.[key]
  if (known !== undefined) return prune(each, known, place, walk)
  if (embedded && TYPE_META.includes(key)) return each
  if (typeof schema.additionalProperties === 'object') {
    return prune(each, schema.additionalProperties, place, walk)
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true)
    return each
  walk.unknown.push(place)
  return undefined
}

function pruneMetadata(value: unknown, place: string, walk: Walk): unknown {
  if (value === null) return undefined
  const decoded = decodeBuiltin(value, OBJECT_META_REF, 'ObjectMeta', walk.keepEmpty)
  walk.unknown.push(...decoded.unknown.map((each) => `${place}.${each}`))
  walk.mismatch ??= decoded.mismatch
  return decoded.value
}

/** Fills in defaults. A null for a field that is not nullable counts as no value. */
export function defaultCustom(value: unknown, schema: Schema): unknown {
  if (isList(value)) {
    const { items } = schema
    return items === undefined ? value : value.map((each) => defaultCustom(each, items))
  }
  return isFields(value) ? defaultFields(value, schema) : value
}

function defaultFields(value: Fields, schema: Schema): Fields {
  const filled: Fields = { ...value }
  const { properties = {}, additionalProperties: others } = schema
  for (const [key, known] of Object.entries(properties)) {
    if (filled[key] === null && known.nullable !== true) delete filled[key]
    if (known.default !== undefined && isAbsent(filled[key], known)) filled[key] = copyJson(known.default)
  }
  for (const [key, each] of Object.entries(filled)) {
    const known = properties[key] ?? (typeof others === 'object' ? others : undefined)
    if (known !== undefined && each !== undefined) setField(filled, key, defaultCustom(each, known))
  }
  return filled
}

function isAbsent(value: unknown, schema: Schema): boolean {
  return value === undefined || (value === null && schema.nullable !== true)
}
