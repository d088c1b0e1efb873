import definitions from './generated/builtin-schemas.json' with { type: 'json' }
import type { Schema } from './schema.ts'

/** Schemas of the built-in kinds, by short name (`Pod`, `PodSpec`, `ObjectMeta`). */
export const BUILTIN_SCHEMAS = definitions as unknown as Readonly<Record<string, Schema>>

const PREFIX = '#/components/schemas/'

/** The schema itself, or the one that its `$ref` names. */
export function resolved(schema: Schema): Schema {
  if (schema.$ref === undefined) return schema
  const found = BUILTIN_SCHEMAS[schema.$ref.slice(PREFIX.length)]
  if (found === undefined) throw new Error(`no schema ${schema.$ref}`)
  return found
}

export function builtinSchema(name: string): Schema {
  return resolved({ $ref: `${PREFIX}${name}` })
}

export const OBJECT_META_REF: Schema = { $ref: `${PREFIX}ObjectMeta` }

/** Schema of one field of an object with that schema; undefined for a field that it does not know. */
export function fieldSchema(schema: Schema, field: string): Schema | undefined {
  const known = schema.properties?.[field]
  if (known !== undefined) return resolved(known)
  const { additionalProperties } = schema
  return typeof additionalProperties === 'object' ? resolved(additionalProperties) : undefined
}

/** True when fields that the schema does not name are kept all the same. */
export function keepsUnknown(schema: Schema): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true
}
