/** JSON values as they come off the wire; objects are never changed in place once stored. */
export type Fields = Record<string, unknown>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: unknown): value is unknown[] {
  return Array.isArray(value)
}

/** The value at a path of object keys, undefined when a step is missing. */
export function valueAt(object: unknown, ...path: readonly string[]): unknown {
  let current = object
  for (const step of path) {
    if (!isFields(current)) return undefined
    current = current[step]
  }
  return current
}

/** The object at a path; an empty one when there is none. For reading only. */
export function fieldsAt(object: unknown, ...path: readonly string[]): Readonly<Fields> {
  const value = valueAt(object, ...path)
  return isFields(value) ? value : {}
}

export function listAt(object: unknown, ...path: readonly string[]): readonly unknown[] {
  const value = valueAt(object, ...path)
  return isList(value) ? value : []
}

/** The string at a path, empty when there is none. */
export function textAt(object: unknown, ...path: readonly string[]): string {
  const value = valueAt(object, ...path)
  return typeof value === 'string' ? value : ''
}

/** All strings of the list at a path. */
export function textsAt(object: unknown, ...path: readonly string[]): readonly string[] {
  return listAt(object, ...path).filter((each) => typeof each === 'string')
}

/** A copy of the object with `value` at the path; undefined takes the field away. Shares the rest. */
export function withValue<T extends object>(object: T, path: readonly string[], value: unknown): T {
  const [step, ...rest] = path
  if (step === undefined) return object
  const copy: Fields = { ...(object as Fields) }
  const next = rest.length === 0 ? value : withValue(fieldsAt(object, step), rest, value)
  if (next === undefined) delete copy[step]
  else copy[step] = next
  return copy as T
}

/** Equality of JSON values; a field that is undefined counts as absent. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (isList(a)) return isList(b) && a.length === b.length && a.every((each, at) => sameJson(each, b[at]))
  if (!isFields(a) || !isFields(b)) return false
  const keys = Object.keys(a).filter((key) => a[key] !== undefined)
  if (keys.length !== Object.keys(b).filter((key) => b[key] !== undefined).length) return false
  return keys.every((key) => key in b && sameJson(a[key], b[key]))
}

/** True for null, "", 0, false, {} and []: what Go's `omitempty` leaves out. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true
  if (isList(value)) return value.length === 0
  return isFields(value) && Object.keys(value).length === 0
}

/** An independent copy of a JSON value. */
export function copyJson<T>(value: T): T {
  if (isList(value)) return value.map(copyJson) as T
  if (!isFields(value)) return value
  const copy: Fields = {}
  for (const [key, each] of Object.entries(value)) setField(copy, key, copyJson(each))
  return copy as T
}

/** Sets a field even when it is called `__proto__`, which an assignment would take for the prototype. */
export function setField(target: Fields, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
    return
  }
  target[key] = value
}
