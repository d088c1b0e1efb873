import { fieldsAt, isList, sameJson } from '../json.ts'
import type { Schema } from '../schemas/schema.ts'

/**
 * The element of the stored list that stands for this one: that with the same keys.
 * @returns undefined for a list whose elements have none, and for a new element.
 */
export function counterpart(item: unknown, old: unknown, schema: Schema): unknown {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  if (schema['x-kubernetes-list-type'] !== 'map' || !isList(old)) return undefined
  return old.find((each) => keys.every((key) => sameJson(fieldsAt(each)[key], fieldsAt(item)[key])))
}
