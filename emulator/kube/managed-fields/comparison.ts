import type { Fields } from '../json.ts'
import { isEmpty, isFields, isList, sameJson } from '../json.ts'
import type { Schema } from '../schemas/schema.ts'
import type { FieldSet } from './field-set.ts'
import { childOf, emptySet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { shapeOf } from './shape.ts'

/** Paths that a write has set or changed, and those that it has taken away. */
export interface Comparison {
  readonly changed: FieldSet
  readonly removed: FieldSet
}

/** Compares an object before and after a write. */
export function compare(before: unknown, after: unknown, schema: Schema): Comparison {
  const comparison = { changed: emptySet(), removed: emptySet() }
  walk({ before, after, schema, changed: comparison.changed, removed: comparison.removed })
  prune(comparison.changed)
  prune(comparison.removed)
  return comparison
}

interface Step {
  readonly before: unknown
  readonly after: unknown
  readonly schema: Schema
  readonly changed: FieldSet
  readonly removed: FieldSet
}

function walk(step: Step): void {
  const { before, after, schema, changed, removed } = step
  if (before === after) return
  if (before === undefined) changed.member = true
  if (after === undefined) removed.member = true
  const shape = shapeOf(after ?? before, schema)
  if (shape.kind !== 'whole' && comparable(before, after)) walkParts(step, shape)
  else if (after !== undefined && !sameJson(before, after)) changed.member = true
}

function walkParts({ before, after, changed, removed }: Step, shape: Shape): void {
  const left = partsOf(before, shape)
  const right = partsOf(after, shape)
  for (const [key, part] of new Map([...left, ...right])) {
    walk({
      before: left.get(key)?.value,
      after: right.get(key)?.value,
      schema: part.schema,
      changed: childOf(changed, key),
      removed: childOf(removed, key),
    })
  }
}

function comparable(a: unknown, b: unknown): boolean {
  return a === undefined || b === undefined || (isList(a) === isList(b) && isFields(a) === isFields(b))
}

interface Part {
  readonly value: unknown
  readonly schema: Schema
}

/** The fields or items of a value by their `fieldsV1` key. */
export function partsOf(value: unknown, shape: Shape): Map<string, Part> {
  const parts = new Map<string, Part>()
  if (shape.kind === 'fields' && isFields(value)) {
    for (const [field, each] of Object.entries(value)) {
      if (each !== undefined) parts.set(`f:${field}`, { value: each, schema: shape.of(field) })
    }
  }
  if (shape.kind === 'items' && isList(value)) {
    for (const each of value) parts.set(shape.keyOf(each), { value: each, schema: shape.item })
  }
  return parts
}

/** Takes away branches without a member. @returns whether anything is left. */
function prune(set: FieldSet): boolean {
  for (const [key, child] of set.children) {
    if (!prune(child)) set.children.delete(key)
  }
  return set.member || set.children.size > 0
}

/** All paths that an applied configuration names. */
export function fieldSetOf(value: unknown, schema: Schema): FieldSet {
  const set = emptySet()
  collect(value, schema, set)
  // Every object has metadata; what is in it belongs to somebody, not the metadata itself.
  if (set.children.get('f:metadata')?.children.size === 0) set.children.delete('f:metadata')
  return set
}

function collect(value: unknown, schema: Schema, set: FieldSet): void {
  const shape = shapeOf(value, schema)
  if (shape.kind === 'whole') {
    set.member = true
    return
  }
  for (const [key, part] of partsOf(value, shape)) {
    const child = childOf(set, key)
    collect(part.value, part.schema, child)
    const bare = isFields(part.value) && isEmpty(part.value)
    const undeclared = shape.kind === 'fields' && !shape.declared(key.slice(2))
    if (part.value === null || bare || undeclared || shape.kind === 'items') child.member = true
    if (!child.member && child.children.size === 0) set.children.delete(key)
  }
}

const META_UNOWNED = [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'generation',
  'managedFields',
  'resourceVersion',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]

/** The object without what nobody manages: its kind and what the server sets in metadata. */
export function ownable(object: Fields): Fields {
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object
  if (!isFields(metadata)) return rest
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !META_UNOWNED.includes(key)))
  return { metadata: kept, ...rest }
}
