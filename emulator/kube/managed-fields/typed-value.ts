import { isFields, isList } from '../json.ts'
import { fieldSchema, resolved } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'
import { shapeOf } from './shape.ts'

/**
 * The first value of an applied configuration that is not of its field's type, or a list item that is named
 * twice, in the words of the API server's typed values; undefined when there is none.
 */
export function typedProblem(value: unknown, given: Schema, path = ''): string | undefined {
  const schema = resolved(given)
  if (value === null) return undefined
  const wanted = schema['x-kubernetes-int-or-string'] === true ? undefined : schema.type
  const wrong = wanted === undefined ? undefined : typeProblem(value, wanted)
  if (wrong !== undefined) return `${path}: ${wrong}`
  if (isFields(value)) return fieldsProblem(value, schema, path)
  return isList(value) ? itemsProblem(value, schema, path) : undefined
}

const NUMBERS = ['integer', 'number']

function typeProblem(value: unknown, wanted: string): string | undefined {
  const shown = `&value.valueUnstructured{Value:${JSON.stringify(value)}}`
  if (wanted === 'string' && typeof value !== 'string') {
    // Times, quantities and the like may be written as numbers.
    return `expected string, got ${shown}`
  }
  if (NUMBERS.includes(wanted) && typeof value !== 'number') {
    return `expected numeric (int or float), got ${typeof value === 'object' ? shown : typeof value}`
  }
  if (wanted === 'boolean' && typeof value !== 'boolean') return `expected boolean, got ${shown}`
  if (wanted === 'array' && !isList(value)) return `expected list, got ${shown}`
  return wanted === 'object' && !isFields(value) ? `expected map, got ${shown}` : undefined
}

function fieldsProblem(
  value: Readonly<Record<string, unknown>>,
  schema: Schema,
  path: string,
): string | undefined {
  for (const [key, each] of Object.entries(value)) {
    const known = fieldSchema(schema, key)
    const problem = known === undefined ? undefined : typedProblem(each, known, `${path}.${key}`)
    if (problem !== undefined) return problem
  }
  return undefined
}

function itemsProblem(value: readonly unknown[], schema: Schema, path: string): string | undefined {
  const { items } = schema
  const shape = shapeOf(value, schema)
  const seen = new Set<string>()
  for (const [at, each] of value.entries()) {
    const key = shape.kind === 'items' ? shape.keyOf(each) : ''
    if (key !== '' && seen.has(key)) return `${path}: duplicate entries for key ${keyText(key)}`
    seen.add(key)
    const place = key === '' ? `${path}[${at}]` : `${path}${keyText(key)}`
    const problem = items === undefined ? undefined : typedProblem(each, items, place)
    if (problem !== undefined) return problem
  }
  return undefined
}

function keyText(key: string): string {
  if (key.startsWith('v:')) return `[=${key.slice(2)}]`
  const keys = Object.entries(JSON.parse(key.slice(2)) as Record<string, unknown>)
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`
}
