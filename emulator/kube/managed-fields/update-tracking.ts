import { sameJson, textAt } from '../json.ts'
import type { KubeObject, ManagedFieldsEntry } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import { compare, ownable } from './comparison.ts'
import type { FieldSet } from './field-set.ts'
import { isEmptySet, parseFieldsV1, subtract, toFieldsV1, union } from './field-set.ts'

export interface Writer {
  readonly manager: string
  /** RFC 3339, whole seconds. */
  readonly time: string
  /** `status` for writes through the status subresource. */
  readonly subresource?: string
}

/** Managers of updates beyond this many are merged into one, so that the list stays bounded. */
const MOST_UPDATERS = 10
const ANCIENT = 'ancient-changes'

/**
 * `metadata.managedFields` after a create, update or patch: what the write changed now belongs to its
 * manager, and what it took away belongs to nobody.
 */
export function trackUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  definition: ResourceDefinition,
  writer: Writer,
): readonly ManagedFieldsEntry[] {
  const entries = givenEntries(after)
  // Who cleared the entries of an object does not want it tracked; only an apply begins anew.
  if (before !== undefined && entries.length === 0 && givenEntries(before).length === 0) return []
  const base = before === undefined ? emptyOf(definition) : ownable(before)
  const { changed, removed } = compare(base, ownable(after), definition.schema)
  changed.children.get('f:metadata')?.children.delete('f:managedFields')
  if (isEmptySet(changed) && isEmptySet(removed)) return entries
  const own = entries.find((each) => isEntryOf(each, writer, definition))
  const others = entries.flatMap((each) => (each === own ? [] : without(each, union(changed, removed))))
  const merged = union(subtract(parseFieldsV1(own?.fieldsV1), removed), changed)
  return isEmptySet(merged)
    ? others
    : bounded([...others, updateEntry(writer, definition, toFieldsV1(merged))])
}

/** A writer may set the entries themselves; one empty entry clears them. */
function givenEntries(after: KubeObject): readonly ManagedFieldsEntry[] {
  return (after.metadata.managedFields ?? []).filter((each) => textAt(each, 'operation') !== '')
}

/** The entry without the fields; none when nothing is left of it. */
function without(entry: ManagedFieldsEntry, fields: FieldSet): readonly ManagedFieldsEntry[] {
  const before = parseFieldsV1(entry.fieldsV1)
  const rest = subtract(before, fields)
  return isEmptySet(rest) ? [] : [{ ...entry, fieldsV1: toFieldsV1(rest) }]
}

/** Fields of an Event that Go writes whether they are set or not. */
export const EVENT_ZEROS = {
  eventTime: null,
  firstTimestamp: null,
  lastTimestamp: null,
  reportingComponent: '',
  reportingInstance: '',
  source: {},
} as const

function emptyOf(definition: ResourceDefinition): Record<string, unknown> {
  if (definition.custom) return { metadata: {} }
  // Go's structs hold these even when they are empty, so creating them belongs to nobody.
  if (definition.kind === 'Event') return { metadata: {}, ...EVENT_ZEROS }
  return { metadata: {}, spec: definition.kind === 'Pod' ? { containers: [] } : {}, status: {} }
}

function isEntryOf(entry: ManagedFieldsEntry, writer: Writer, definition: ResourceDefinition): boolean {
  return (
    entry.manager === writer.manager &&
    entry.operation === 'Update' &&
    entry.apiVersion === groupVersion(definition) &&
    (entry.subresource ?? '') === (writer.subresource ?? '')
  )
}

function updateEntry(
  writer: Writer,
  definition: ResourceDefinition,
  fieldsV1: ManagedFieldsEntry['fieldsV1'],
): ManagedFieldsEntry {
  return {
    manager: writer.manager,
    operation: 'Update',
    apiVersion: groupVersion(definition),
    time: writer.time,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(writer.subresource === undefined || writer.subresource === ''
      ? {}
      : { subresource: writer.subresource }),
  }
}

function bounded(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const updates = entries.filter((each) => each.operation === 'Update')
  if (updates.length <= MOST_UPDATERS) return entries
  const [first, second] = updates
  if (first === undefined || second === undefined) return entries
  const fields = union(parseFieldsV1(first.fieldsV1), parseFieldsV1(second.fieldsV1))
  const merged = { ...second, manager: ANCIENT, fieldsV1: toFieldsV1(fields) }
  return [merged, ...entries.filter((each) => each !== first && each !== second)]
}

/** The object with these entries; none is the same as no list. */
export function withManagers(object: KubeObject, entries: readonly ManagedFieldsEntry[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata
  if (entries.length === 0) return { ...object, metadata }
  return { ...object, metadata: { ...metadata, managedFields: entries.toSorted(byAge) } }
}

/** Applied entries first, then the older ones, then by name: the order in which the API server keeps them. */
function byAge(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  const keyOf = (each: ManagedFieldsEntry): string =>
    [each.operation, each.time, each.manager, each.apiVersion, each.subresource ?? ''].join('\0')
  return keyOf(a) < keyOf(b) ? -1 : 1
}

/** True when two lists of entries differ in nothing but their times. */
export function sameManagers(
  a: readonly ManagedFieldsEntry[] | undefined,
  b: readonly ManagedFieldsEntry[] | undefined,
): boolean {
  const timeless = (list: readonly ManagedFieldsEntry[] | undefined): unknown =>
    (list ?? []).map((each) => ({ ...each, time: '' }))
  return sameJson(timeless(a), timeless(b))
}
