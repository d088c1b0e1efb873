import { ApiError } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isEmpty, isFields, isList, sameJson, setField } from '../json.ts'
import type { KubeObject, ManagedFieldsEntry } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import type { Schema } from '../schemas/schema.ts'
import { compare, fieldSetOf, ownable, partsOf } from './comparison.ts'
import type { FieldSet } from './field-set.ts'
import {
  emptySet,
  intersect,
  isEmptySet,
  parseFieldsV1,
  pathTexts,
  subtract,
  toFieldsV1,
  union,
} from './field-set.ts'
import { shapeOf } from './shape.ts'
import { type Writer, withManagers } from './update-tracking.ts'

export interface Application {
  /** Undefined when the object does not exist yet. */
  readonly live: KubeObject | undefined
  /** What the manager wants, without unknown fields. */
  readonly config: Fields
  readonly definition: ResourceDefinition
  readonly writer: Writer
  readonly force: boolean
}

/**
 * Server-side apply: the configuration is merged into the live object, fields that the manager applied
 * before and names no more are taken away unless someone else holds them too, and a field that another
 * manager holds with another value is a conflict.
 * @returns the merged object with its `managedFields`.
 * @throws ApiError 409 with one cause per contested field.
 */
export function applyConfiguration(application: Application): Fields {
  const { live, config, definition, writer, force } = application
  const { schema } = definition
  const entries = live?.metadata.managedFields ?? []
  const wanted = fieldSetOf(ownable(config), schema)
  const merged = live === undefined ? config : (merge(live, config, schema) as Fields)
  const changed =
    live === undefined ? wanted : intersect(wanted, compare(ownable(live), ownable(merged), schema).changed)
  const own = entries.find((each) => isOwn(each, application))
  const others = entries.filter((each) => each !== own)
  const allowed = takenOver(application)
  const contested = others
    .map((entry) => ({ entry, fields: subtract(intersect(parseFieldsV1(entry.fieldsV1), changed), allowed) }))
    .filter(({ fields }) => !isEmptySet(fields))
  if (contested.length > 0 && !force) throw conflictOf(contested)
  const kept = others.flatMap((entry) => withoutFields(entry, changed))
  const held = kept.reduce((sum, each) => union(sum, parseFieldsV1(each.fieldsV1)), emptySet())
  const dropped = abandoned(parseFieldsV1(own?.fieldsV1), union(wanted, held))
  const result = remove(merged, dropped, schema) as Fields
  const entry: ManagedFieldsEntry = {
    manager: writer.manager,
    operation: 'Apply',
    apiVersion: groupVersion(definition),
    ...timeOf(live, result, { own, now: writer.time, schema }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(wanted),
    ...(writer.subresource === undefined ? {} : { subresource: writer.subresource }),
  }
  const unchanged = own !== undefined && sameJson(own.fieldsV1, entry.fieldsV1)
  const applied = isEmptySet(wanted) ? [] : [unchanged ? own : entry]
  return { ...withManagers(result as unknown as KubeObject, [...applied, ...kept]) }
}

/** An apply that changes nothing of the object leaves its manager's time as it was, also when there was none. */
function timeOf(
  live: KubeObject | undefined,
  result: Fields,
  of: {
    readonly own: ManagedFieldsEntry | undefined
    readonly now: string | undefined
    readonly schema: Schema
  },
): Pick<ManagedFieldsEntry, 'time'> {
  const { changed, removed } = compare(live === undefined ? {} : ownable(live), ownable(result), of.schema)
  const isSame = live !== undefined && isEmptySet(changed) && isEmptySet(removed)
  const time = isSame ? of.own?.time : of.now
  return time === undefined ? {} : { time }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration'

/**
 * Fields that kubectl's older way of applying has written and nobody has changed since: its newer way takes
 * them over without a conflict.
 */
function takenOver({ live, definition, writer }: Application): FieldSet {
  const text = live?.metadata.annotations?.[LAST_APPLIED]
  if (live === undefined || text === undefined || writer.manager !== 'kubectl') return emptySet()
  const last = parsed(text)
  if (!isFields(last)) return emptySet()
  const { changed } = compare(ownable(live), ownable(last), definition.schema)
  return subtract(fieldSetOf(ownable(last), definition.schema), changed)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    return undefined
  }
}

/** Paths of which nothing is kept: a list or map stays while somebody holds a part of it. */
function abandoned(before: FieldSet, kept: FieldSet): FieldSet {
  const result: FieldSet = { member: before.member && isEmptySet(kept), children: new Map() }
  for (const [key, child] of before.children) {
    const rest = abandoned(child, kept.children.get(key) ?? emptySet())
    if (!isEmptySet(rest)) result.children.set(key, rest)
  }
  return result
}

function isOwn(entry: ManagedFieldsEntry, { writer }: Application): boolean {
  const sameSubresource = (entry.subresource ?? '') === (writer.subresource ?? '')
  return entry.operation === 'Apply' && entry.manager === writer.manager && sameSubresource
}

function withoutFields(entry: ManagedFieldsEntry, fields: FieldSet): ManagedFieldsEntry[] {
  const rest = subtract(parseFieldsV1(entry.fieldsV1), fields)
  return isEmptySet(rest) ? [] : [{ ...entry, fieldsV1: toFieldsV1(rest) }]
}

function conflictOf(contested: readonly { entry: ManagedFieldsEntry; fields: FieldSet }[]): ApiError {
  const all = contested.flatMap(({ entry, fields }) => pathTexts(fields).map((field) => ({ entry, field })))
  const groups = contested.map(({ entry, fields }) => {
    const paths = pathTexts(fields)
    const who = `"${entry.manager}"${entry.subresource === undefined ? '' : ` with subresource "${entry.subresource}"`}`
    const using = entry.operation === 'Update' ? `${who} using ${entry.apiVersion}` : who
    return paths.length === 1
      ? `conflict with ${using}: ${paths[0]}`
      : `conflicts with ${using}:\n${paths.map((each) => `- ${each}`).join('\n')}`
  })
  const count = `${all.length} conflict${all.length === 1 ? '' : 's'}`
  return new ApiError(409, 'Conflict', `Apply failed with ${count}: ${groups.join('\n')}`, {
    causes: all.map(({ entry, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with "${entry.manager}"${entry.operation === 'Update' ? ` using ${entry.apiVersion}` : ''}`,
      field,
    })),
  })
}

/** The configuration laid over the live value. */
function merge(live: unknown, config: unknown, schema: Schema): unknown {
  if (live === undefined || config === null) return config
  const shape = shapeOf(config, schema)
  if (shape.kind === 'fields' && isFields(live) && isFields(config)) {
    const merged: Fields = { ...live }
    for (const [key, each] of Object.entries(config))
      setField(merged, key, merge(live[key], each, shape.of(key)))
    return merged
  }
  if (shape.kind !== 'items' || !isList(live)) return config
  const before = partsOf(live, shape)
  const after = partsOf(config, shape)
  const items = [...before].map(([key, part]) =>
    after.has(key) ? merge(part.value, after.get(key)?.value, shape.item) : part.value,
  )
  return [...items, ...[...after].filter(([key]) => !before.has(key)).map(([, part]) => part.value)]
}

/** The value without the paths of the set; parents that become empty go too. */
function remove(value: unknown, gone: FieldSet, schema: Schema): unknown {
  if (gone.children.size === 0) return value
  const shape = shapeOf(value, schema)
  if (shape.kind === 'fields' && isFields(value)) {
    const kept: Fields = {}
    for (const [key, each] of Object.entries(value)) {
      const next = removePart(each, gone.children.get(`f:${key}`), shape.of(key))
      if (next !== undefined) setField(kept, key, next)
    }
    return kept
  }
  if (shape.kind !== 'items' || !isList(value)) return value
  return value.flatMap((each) => {
    const next = removePart(each, gone.children.get(shape.keyOf(each)), shape.item)
    return next === undefined ? [] : [next]
  })
}

function removePart(value: unknown, gone: FieldSet | undefined, schema: Schema): unknown {
  if (gone === undefined) return value
  if (gone.children.size === 0) return undefined
  const rest = remove(value, gone, schema)
  const wasListItem = gone.member && gone.children.size > 0
  if (isEmpty(rest) && !isEmpty(value)) return undefined
  return wasListItem && isFields(rest) && onlyKeysLeft(rest, gone) ? undefined : rest
}

/** A list item whose every owned field is gone, its keys included. */
function onlyKeysLeft(rest: Fields, gone: FieldSet): boolean {
  return Object.keys(rest).every((key) => gone.children.has(`f:${key}`))
}
