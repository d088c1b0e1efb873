import type { Fields } from '../json.ts'
import { copyJson, isFields, isList, sameJson, setField, textAt } from '../json.ts'

/** A JSON patch that cannot be applied; the API answers 422. */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError'
}

/** A real server takes no more operations in one patch. */
export const MOST_OPERATIONS = 10_000

/** RFC 6902. @throws JsonPatchError for an operation that does not fit the document. */
export function jsonPatch(document: unknown, operations: readonly unknown[]): unknown {
  let result = copyJson(document)
  for (const operation of operations) result = applyOperation(result, operation)
  return result
}

function applyOperation(document: unknown, operation: unknown): unknown {
  const name = textAt(operation, 'op')
  const path = pointer(textAt(operation, 'path'))
  const value = (): unknown => {
    // The API server's library reads a missing value as null.
    return isFields(operation) ? copyJson(operation['value'] ?? null) : null
  }
  switch (name) {
    case 'add':
      return add(document, path, value())
    case 'remove':
      return remove(document, path, 'remove')
    case 'replace':
      return path.length === 0 ? value() : set(document, path, value())
    case 'test':
      if (path.length > 0) parentOf(document, path, 'test')
      if (!sameJson(lookUp(document, path) ?? null, value())) {
        throw new JsonPatchError(`testing value ${textAt(operation, 'path')} failed`)
      }
      return document
    case 'move': {
      const from = pointer(textAt(operation, 'from'))
      const moved = read(document, from, 'move')
      return add(remove(document, from, 'move'), path, moved)
    }
    case 'copy':
      // What is not there is copied as null, and what is not there is set by `replace`: the API server's library does so.
      return add(document, path, copyJson(readLoosely(document, pointer(textAt(operation, 'from')))))
    default:
      throw new JsonPatchError(`Unexpected kind: ${name}`)
  }
}

function pointer(text: string): readonly string[] {
  if (text === '') return []
  return text
    .split('/')
    .slice(1)
    .map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function lookUp(document: unknown, path: readonly string[]): unknown {
  let current = document
  for (const step of path) {
    if (isList(current)) current = current[Number(step)]
    else if (isFields(current) && Object.hasOwn(current, step)) current = current[step]
    else return undefined
  }
  return current
}

/** The value at a path, or null for a field that the object at its parent has not. */
function readLoosely(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1)
  if (last === undefined) return document
  const parent = parentOf(document, path, 'copy')
  if (isList(parent)) return parent[indexIn(parent, last, parent.length - 1)]
  return lookUp(document, path) ?? null
}

function read(document: unknown, path: readonly string[], operation: string): unknown {
  const value = lookUp(document, path)
  if (value === undefined) {
    const place = `/${path.join('/')}`
    throw new JsonPatchError(
      `${operation} operation does not apply: doc is missing key: ${place}: missing value`,
    )
  }
  return value
}

function parentOf(document: unknown, path: readonly string[], operation: string): unknown[] | Fields {
  const parent = lookUp(document, path.slice(0, -1))
  if (isList(parent) || isFields(parent)) return parent
  throw new JsonPatchError(
    `${operation} operation does not apply: doc is missing path: "/${path.join('/')}": missing value`,
  )
}

function indexIn(list: readonly unknown[], step: string, longest: number): number {
  const at = Number(step)
  if (!/^(?:0|[1-9]\d*)$/.test(step) || at > longest) {
    throw new JsonPatchError(
      `Unable to access invalid index: ${step}: invalid index referenced (list of ${list.length})`,
    )
  }
  return at
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1)
  if (last === undefined) return value
  const parent = parentOf(document, path, 'add')
  if (isList(parent))
    parent.splice(last === '-' ? parent.length : indexIn(parent, last, parent.length), 0, value)
  else setField(parent, last, value)
  return document
}

function set(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1) ?? ''
  const parent = parentOf(document, path, 'replace')
  if (isList(parent)) parent[indexIn(parent, last, parent.length - 1)] = value
  else setField(parent, last, value)
  return document
}

function remove(document: unknown, path: readonly string[], operation: string): unknown {
  const last = path.at(-1) ?? ''
  const parent = parentOf(document, path, operation)
  if (isList(parent)) {
    parent.splice(indexIn(parent, last, parent.length - 1), 1)
    return document
  }
  if (!Object.hasOwn(parent, last)) {
    const place = `/${path.join('/')}`
    throw new JsonPatchError(
      `${operation} operation does not apply: Unable to remove nonexistent key: ${place}: missing value`,
    )
  }
  delete parent[last]
  return document
}
