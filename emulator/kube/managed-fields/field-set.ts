import type { Fields } from '../json.ts'
import { isFields } from '../json.ts'

/**
 * A set of paths into an object, in the form of `fieldsV1`: keys are `f:name`, `k:{"name":"a"}` or
 * `v:"a"`; `member` says that the path up to here is itself in the set.
 */
export interface FieldSet {
  member: boolean
  readonly children: Map<string, FieldSet>
}

export function emptySet(): FieldSet {
  return { member: false, children: new Map() }
}

export function isEmptySet(set: FieldSet): boolean {
  return !set.member && set.children.size === 0
}

/** The set one step down, made when it is not there. */
export function childOf(set: FieldSet, key: string): FieldSet {
  const known = set.children.get(key)
  if (known !== undefined) return known
  const made = emptySet()
  set.children.set(key, made)
  return made
}

export function parseFieldsV1(json: unknown): FieldSet {
  const set = emptySet()
  if (!isFields(json)) return set
  for (const [key, value] of Object.entries(json)) {
    if (key === '.') {
      set.member = true
      continue
    }
    const child = parseFieldsV1(value)
    if (child.children.size === 0) child.member = true
    set.children.set(key, child)
  }
  return set
}

export function toFieldsV1(set: FieldSet): Fields {
  const json: Fields = {}
  if (set.member && set.children.size > 0) json['.'] = {}
  for (const key of [...set.children.keys()].sort()) {
    const child = set.children.get(key)
    if (child !== undefined) json[key] = toFieldsV1(child)
  }
  return json
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { member: a.member || b.member, children: new Map(a.children) }
  for (const [key, child] of b.children) {
    const known = a.children.get(key)
    result.children.set(key, known === undefined ? child : union(known, child))
  }
  return result
}

/** Paths of `a` that are not in `b`. */
export function subtract(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { member: a.member && !b.member, children: new Map() }
  for (const [key, child] of a.children) {
    const other = b.children.get(key)
    const rest = other === undefined ? child : subtract(child, other)
    if (!isEmptySet(rest)) result.children.set(key, rest)
  }
  return result
}

/** Paths that are in both. */
export function intersect(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSet = { member: a.member && b.member, children: new Map() }
  for (const [key, child] of a.children) {
    const other = b.children.get(key)
    if (other === undefined) continue
    const both = intersect(child, other)
    if (!isEmptySet(both)) result.children.set(key, both)
  }
  return result
}

/** The paths of a set as the API server writes them in messages: `.spec.containers[name="a"].image`. */
export function pathTexts(set: FieldSet, prefix = ''): readonly string[] {
  const own = set.member && prefix !== '' ? [prefix] : []
  return [...own, ...[...set.children].flatMap(([key, child]) => pathTexts(child, prefix + stepText(key)))]
}

function stepText(key: string): string {
  const content = key.slice(2)
  if (key.startsWith('f:')) return `.${content}`
  if (key.startsWith('v:')) return `[=${content}]`
  const keys = Object.entries(JSON.parse(content) as Fields)
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
}
