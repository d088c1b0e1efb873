import type { Fields } from '../json.ts'
import { isFields, isList, sameJson, valueAt } from '../json.ts'
import type { Schema } from '../schemas/schema.ts'
import { counterpart } from './counterpart.ts'
import { embeddedProblems } from './embedded-resource.ts'
import type { FieldProblem } from './field-problem.ts'
import { duplicate, invalidValue, notSupported, required } from './field-problem.ts'
import { formatProblem } from './formats.ts'

/**
 * Checks a value against a structural schema, with the wording of the API server. Its rules
 * (`x-kubernetes-validations`) are another matter: `broken-rules.ts`.
 * @param old what is stored in the place of the value: what is wrong with it is no news when it stays as it is.
 */
export function customProblems(value: unknown, schema: Schema, path = '', old?: unknown): FieldProblem[] {
  if (value === null && schema.nullable === true) return []
  if (path !== '' && old !== undefined && sameJson(value, old)) return []
  const wrongType = typeProblem(value, schema, path)
  if (wrongType !== undefined) return [wrongType]
  return [
    ...enumProblems(value, schema, path),
    ...scalarProblems(value, schema, path),
    ...(isList(value) ? listProblems(value, schema, path, old) : []),
    ...(isFields(value) ? fieldsProblems(value, schema, path, old) : []),
    ...combinationProblems(value, schema, path),
  ]
}

function jsonType(value: unknown): string {
  if (value === null) return 'null'
  if (isList(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

function typeProblem(value: unknown, schema: Schema, path: string): FieldProblem | undefined {
  const found = jsonType(value)
  const wanted = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : schema.type
  if (wanted === undefined || wanted.split(',').includes(found)) return undefined
  if (wanted === 'number' && found === 'integer') return undefined
  return {
    type: 'FieldValueTypeInvalid',
    field: path === '' ? '<nil>' : path,
    value: found,
    detail: `${path} in body must be of type ${wanted}: ${JSON.stringify(found)}`,
  }
}

function enumProblems(value: unknown, schema: Schema, path: string): FieldProblem[] {
  if (schema.enum === undefined || schema.enum.some((each) => sameJson(each, value))) return []
  return [
    notSupported(
      path,
      value,
      schema.enum.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
    ),
  ]
}

function scalarProblems(value: unknown, schema: Schema, path: string): FieldProblem[] {
  if (typeof value === 'string') return stringProblems(value, schema, path)
  return typeof value === 'number' ? numberProblems(value, schema, path) : []
}

/** The first thing wrong with a string, and its format: a real server says no more at once. */
function stringProblems(value: string, schema: Schema, path: string): FieldProblem[] {
  const problems: FieldProblem[] = []
  const wrong = firstStringProblem(value, schema, path)
  if (wrong !== undefined) problems.push(wrong)
  const format = formatProblem(value, schema.format)
  if (format !== undefined) {
    problems.push(invalidValue(path, value, `${path} in body must be ${format}: ${JSON.stringify(value)}`))
  }
  return problems
}

function firstStringProblem(value: string, schema: Schema, path: string): FieldProblem | undefined {
  const { maxLength, minLength, pattern } = schema
  const length = Array.from(value).length
  if (maxLength !== undefined && length > maxLength) {
    return { type: 'FieldValueTooLong', field: path, detail: `may not be more than ${maxLength} bytes` }
  }
  if (minLength !== undefined && length < minLength) {
    return invalidValue(path, value, `${path} in body should be at least ${minLength} chars long`)
  }
  if (pattern === undefined || new RegExp(pattern, 'u').test(value)) return undefined
  return invalidValue(path, value, `${path} in body should match '${pattern}'`)
}

function numberProblems(value: number, schema: Schema, path: string): FieldProblem[] {
  const { multipleOf } = schema
  const texts = [lowerBound(value, schema), upperBound(value, schema)]
  if (multipleOf !== undefined && value % multipleOf !== 0)
    texts.push(`should be a multiple of ${multipleOf}`)
  return texts
    .filter((each) => each !== '')
    .map((each) => invalidValue(path, value, `${path} in body ${each}`))
}

function lowerBound(value: number, { minimum, exclusiveMinimum }: Schema): string {
  if (minimum === undefined || value > minimum) return ''
  if (exclusiveMinimum === true) return `should be greater than ${minimum}`
  return value < minimum ? `should be greater than or equal to ${minimum}` : ''
}

function upperBound(value: number, { maximum, exclusiveMaximum }: Schema): string {
  if (maximum === undefined || value < maximum) return ''
  if (exclusiveMaximum === true) return `should be less than ${maximum}`
  return value > maximum ? `should be less than or equal to ${maximum}` : ''
}

function listProblems(value: unknown[], schema: Schema, path: string, old: unknown): FieldProblem[] {
  const problems: FieldProblem[] = []
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    const detail = `${value.length}: must have at most ${schema.maxItems} items`
    problems.push({ type: 'FieldValueTooMany', field: path, detail })
  }
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    problems.push(
      invalidValue(path, value.length, `${path} in body should have at least ${schema.minItems} items`),
    )
  }
  const { items } = schema
  if (items !== undefined)
    value.forEach((each, at) =>
      problems.push(...customProblems(each, items, `${path}[${at}]`, counterpart(each, old, schema))),
    )
  return [...problems, ...repeatedItems(value, schema, path)]
}

function repeatedItems(value: readonly unknown[], schema: Schema, path: string): FieldProblem[] {
  const kind = schema['x-kubernetes-list-type']
  if (kind !== 'set' && kind !== 'map' && schema.uniqueItems !== true) return []
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const identity = (item: unknown): unknown =>
    kind === 'map' && isFields(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item
  const seen = new Set<string>()
  const problems: FieldProblem[] = []
  value.forEach((each, at) => {
    const key = JSON.stringify(identity(each))
    if (seen.has(key)) problems.push(duplicate(`${path}[${at}]`, identity(each)))
    seen.add(key)
  })
  return problems
}

function fieldsProblems(value: Fields, schema: Schema, path: string, old: unknown): FieldProblem[] {
  const at = (key: string): string => (path === '' ? key : `${path}.${key}`)
  const problems = (schema.required ?? [])
    .filter((key) => value[key] === undefined)
    .map((key) => required(at(key)))
  problems.push(...countProblems(Object.keys(value).length, schema, path))
  if (schema['x-kubernetes-embedded-resource'] === true) problems.push(...embeddedProblems(value, path))
  const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  for (const [key, each] of Object.entries(value)) {
    const known = schema.properties?.[key] ?? others
    if (known !== undefined) problems.push(...customProblems(each, known, at(key), valueAt(old, key)))
  }
  return problems
}

function countProblems(count: number, schema: Schema, path: string): FieldProblem[] {
  const problems: FieldProblem[] = []
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    problems.push(
      invalidValue(path, count, `${path} in body should have at least ${schema.minProperties} properties`),
    )
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    const detail = `${count}: must have at most ${schema.maxProperties} items`
    problems.push({ type: 'FieldValueTooMany', field: path, detail })
  }
  return problems
}

function combinationProblems(value: unknown, schema: Schema, path: string): FieldProblem[] {
  const { allOf = [], anyOf = [], oneOf = [], not } = schema
  return [
    ...allOfProblems(value, allOf, path),
    ...anyOfProblems(value, anyOf, path),
    ...oneOfProblems(value, oneOf, path),
    ...(not !== undefined && customProblems(value, not, path).length === 0
      ? [combined(path, 'must not validate the schema (not)')]
      : []),
  ]
}

function combined(path: string, what: string): FieldProblem {
  return invalidValue('<nil>', '', `${JSON.stringify(path)} ${what}`)
}

function allOfProblems(value: unknown, schemas: readonly Schema[], path: string): FieldProblem[] {
  const tried = schemas.map((each) => customProblems(value, each, path))
  const problems = tried.flat()
  if (problems.length === 0) return []
  const none = tried.every((each) => each.length > 0) ? '. None validated' : ''
  return [combined(path, `must validate all the schemas (allOf)${none}`), ...problems]
}

function anyOfProblems(value: unknown, schemas: readonly Schema[], path: string): FieldProblem[] {
  const tried = schemas.map((each) => customProblems(value, each, path))
  if (tried.length === 0 || tried.some((each) => each.length === 0)) return []
  return [combined(path, 'must validate at least one schema (anyOf)'), ...(tried[0] ?? [])]
}

function oneOfProblems(value: unknown, schemas: readonly Schema[], path: string): FieldProblem[] {
  const tried = schemas.map((each) => customProblems(value, each, path))
  const valid = tried.filter((each) => each.length === 0).length
  if (tried.length === 0 || valid === 1) return []
  const what = 'must validate one and only one schema (oneOf).'
  if (valid > 1) return [combined(path, `${what} Found ${valid} valid alternatives`)]
  return [combined(path, `${what} Found none valid`), ...(tried[0] ?? [])]
}
