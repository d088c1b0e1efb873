import type { Fields } from '../json.ts'
import { isFields, isList } from '../json.ts'
import { fieldSchema, resolved } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'

/** How the owners of a value share it: field by field, item by item, or only as a whole. */
export type Shape =
  | { readonly kind: 'whole' }
  | {
      readonly kind: 'fields'
      readonly of: (field: string) => Schema
      readonly declared: (field: string) => boolean
    }
  | { readonly kind: 'items'; readonly keyOf: (item: unknown) => string; readonly item: Schema }

const WHOLE: Shape = { kind: 'whole' }
const ANY: Schema = {}

/** The shape of a value under a schema; without a schema, objects are shared by field and lists as a whole. */
export function shapeOf(value: unknown, given: Schema): Shape {
  const schema = resolved(given)
  if (isList(value)) return listShape(schema)
  if (!isFields(value) || schema['x-kubernetes-map-type'] === 'atomic') return WHOLE
  const embedded = schema['x-kubernetes-embedded-resource'] === true
  const properties = embedded
    ? { apiVersion: ANY, kind: ANY, metadata: ANY, ...schema.properties }
    : schema.properties
  return {
    kind: 'fields',
    of: (field) => properties?.[field] ?? fieldSchema(schema, field) ?? ANY,
    declared: (field) => properties?.[field] !== undefined,
  }
}

function listShape(schema: Schema): Shape {
  const item = schema.items ?? ANY
  const type = schema['x-kubernetes-list-type']
  if (type === 'set') return { kind: 'items', item, keyOf: (each) => `v:${JSON.stringify(each)}` }
  if (type !== 'map') return WHOLE
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const itemSchema = resolved(item)
  return {
    kind: 'items',
    item,
    keyOf(each) {
      const chosen: Fields = {}
      for (const key of [...keys].sort()) {
        const value = isFields(each) ? (each[key] ?? defaultOf(itemSchema, key)) : undefined
        if (value !== undefined) chosen[key] = value
      }
      return `k:${JSON.stringify(chosen)}`
    },
  }
}

/** The one list key of the built-in kinds that may be left out is a port's protocol. */
function defaultOf(schema: Schema, key: string): unknown {
  return schema.properties?.[key]?.default ?? (key === 'protocol' ? 'TCP' : undefined)
}
