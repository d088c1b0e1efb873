import type { Fields } from '../json.ts'
import { isFields, isList, setField } from '../json.ts'
import { keepsUnknown, resolved } from '../schemas/builtin-schemas.ts'
import type { Schema } from '../schemas/schema.ts'
import { formatProblem } from './formats.ts'

/** What a Go program makes of a JSON object: known fields, nothing null; and what it could not take. */
export interface Decoded {
  readonly value: unknown
  /** Paths of fields that the kind does not have, such as `spec.containers[0].imgae`. */
  readonly unknown: readonly string[]
  /** The first value of a wrong type, in the words of Go's decoder. */
  readonly mismatch: string | undefined
}

interface Progress {
  readonly keepEmpty: boolean
  readonly unknown: string[]
  mismatch: string | undefined
}

/** Where the decoder is: as a user writes it, and as Go's decoder does. */
interface Place {
  /** `spec.containers[0].name` */
  readonly path: string
  /** `spec.containers.name` */
  readonly steps: string
  /** The struct that has the field: `Container`. */
  readonly struct: string
}

/**
 * Decodes an object of a built-in kind: drops unknown fields and nulls, keeps quantities as text.
 * @param struct name of the object's Go type, such as `Pod`.
 * @param keepEmpty for an applied configuration, whose empty lists and maps have an owner.
 */
export function decodeBuiltin(value: unknown, schema: Schema, struct: string, keepEmpty = false): Decoded {
  const progress: Progress = { unknown: [], mismatch: undefined, keepEmpty }
  const decoded = decode(value, schema, { path: '', steps: '', struct }, progress)
  return { value: decoded, unknown: progress.unknown, mismatch: progress.mismatch }
}

const REF = /\/([^/]+)$/

function structOf(schema: Schema): string | undefined {
  return schema.$ref === undefined ? undefined : REF.exec(schema.$ref)?.[1]
}

function decode(value: unknown, given: Schema, at: Place, progress: Progress): unknown {
  const schema = resolved(given)
  const wrong = (found: string): undefined => mismatch(found, given, at, progress)
  if (isFields(value)) {
    if (schema.type !== undefined && schema.type !== 'object') return wrong('object')
    return decodeFields(value, schema, { ...at, struct: structOf(given) ?? at.struct }, progress)
  }
  if (isList(value)) {
    if (schema.type !== undefined && schema.type !== 'array') return wrong('array')
    return decodeList(value, schema, at, progress)
  }
  return decodeScalar(value, schema, wrong, progress)
}

function decodeFields(value: Fields, schema: Schema, at: Place, progress: Progress): unknown {
  if (schema.properties === undefined && keepsUnknown(schema)) return value
  const decoded: Fields = {}
  for (const [key, each] of Object.entries(value)) {
    const path = at.path === '' ? key : `${at.path}.${key}`
    const known = rawField(schema, key)
    if (known === undefined) {
      if (keepsUnknown(schema)) setField(decoded, key, each)
      else progress.unknown.push(path)
    } else if (each !== null) {
      const value = decode(each, known, { ...at, path, steps: stepsTo(key, schema, at) }, progress)
      if (progress.keepEmpty || !isLeftOut(value, key, schema)) setField(decoded, key, value)
    } else if (schema.properties === undefined) {
      // Go reads null into a map of strings as the empty string.
      setField(decoded, key, '')
    }
  }
  return decoded
}

/** Go writes no empty lists and maps where they are optional. What empty managed fields mean is decided later. */
function isLeftOut(value: unknown, key: string, schema: Schema): boolean {
  const known = schema.properties?.[key]
  if (known === undefined || known.$ref !== undefined || key === 'managedFields') return false
  if (schema.required?.includes(key) === true) return false
  if (isList(value)) return value.length === 0
  return known.additionalProperties !== undefined && isFields(value) && Object.keys(value).length === 0
}

/** Go's decoder names fields of structs, and not the keys of maps. */
function stepsTo(key: string, schema: Schema, { steps }: Place): string {
  if (schema.properties === undefined) return steps
  return steps === '' ? key : `${steps}.${key}`
}

/** The schema of a field, its `$ref` not followed. */
function rawField(schema: Schema, key: string): Schema | undefined {
  const { properties, additionalProperties } = schema
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key]
  return typeof additionalProperties === 'object' ? additionalProperties : undefined
}

function decodeList(value: unknown[], { items }: Schema, at: Place, progress: Progress): unknown {
  if (items === undefined) return value
  const zero = zeroOf(resolved(items))
  return value.map((each, index) =>
    decode(each ?? zero, items, { ...at, path: `${at.path}[${index}]` }, progress),
  )
}

function zeroOf(schema: Schema): unknown {
  if (schema.type === 'object') return {}
  if (schema.type === 'boolean') return false
  return schema.type === 'string' ? '' : 0
}

function decodeScalar(
  value: unknown,
  schema: Schema,
  wrong: (found: string) => undefined,
  progress: Progress,
): unknown {
  if (schema['x-kubernetes-int-or-string'] === true || schema.type === undefined) return value
  const found = typeof value
  if (schema.format === 'quantity' && found === 'number') return String(value)
  if (typeof value === 'string' && isTime(schema)) return decodeTime(value, schema, progress)
  if (typeof value === 'string' && schema.format === 'byte') checkBase64(value, progress)
  if (fits(value, found, schema)) return value
  const fraction = found === 'number' && !Number.isInteger(value)
  return wrong(fraction ? `number ${String(value)}` : found)
}

function fits(value: unknown, found: string, { type }: Schema): boolean {
  if (found !== 'number') return found === type
  return type === 'number' || (type === 'integer' && Number.isInteger(value))
}

function isTime({ format }: Schema): boolean {
  return format === 'date-time' || format === 'micro-time'
}

const LAYOUT = { seconds: '2006-01-02T15:04:05Z07:00', micro: '2006-01-02T15:04:05.000000Z07:00' } as const

/** Times are kept in whole seconds, those of leases and event series in microseconds. */
function decodeTime(text: string, schema: Schema, progress: Progress): string | undefined {
  const ms = Date.parse(text)
  const micro = schema.format === 'micro-time'
  const refuse = (rest: string, wanted: string): undefined => {
    const layout = micro ? LAYOUT.micro : LAYOUT.seconds
    progress.mismatch ??= `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(wanted)}`
    return undefined
  }
  if (Number.isNaN(ms) || formatProblem(text, 'date-time') !== undefined) return refuse(text, '2006')
  const whole = new Date(ms).toISOString().slice(0, 19)
  if (!micro) return `${whole}Z`
  const fraction = /\.(\d+)/.exec(text)?.[1]
  if (fraction === undefined) return refuse(/[Z+-][^T]*$/.exec(text.slice(19))?.[0] ?? '', '.000000')
  return `${whole}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

const BASE64_CHARACTER = /[^A-Za-z0-9+/]/

function checkBase64(text: string, progress: Progress): void {
  if (formatProblem(text, 'byte') === undefined) return
  const padding = text.indexOf('=')
  const wrong = BASE64_CHARACTER.exec(text.replace(/=+$/, ''))?.index
  const at = wrong ?? (padding < 0 ? text.length : padding)
  progress.mismatch ??= `illegal base64 data at input byte ${at}`
}

const GO_TYPES: Readonly<Record<string, string>> = {
  integer: 'int32',
  boolean: 'bool',
  string: 'string',
  number: 'float64',
}

/** The Go type of a field, as its decoder prints it. */
function goType(schema: Schema): string {
  const struct = structOf(schema)
  if (struct !== undefined) return `v1.${struct}`
  if (schema.type === 'array') return `[]${goType(schema.items ?? {})}`
  if (schema.type === 'object') {
    const { additionalProperties: values } = schema
    return `map[string]${goType(typeof values === 'object' ? values : {})}`
  }
  if (schema.format === 'byte') return '[]uint8'
  return schema.format === 'int64' ? 'int64' : (GO_TYPES[schema.type ?? ''] ?? 'interface {}')
}

const GO_WORDS: Readonly<Record<string, string>> = { boolean: 'bool' }

function mismatch(found: string, schema: Schema, at: Place, progress: Progress): undefined {
  const field = at.steps === '' ? at.struct : `${at.struct}.${at.steps}`
  progress.mismatch ??= `json: cannot unmarshal ${GO_WORDS[found] ?? found} into Go struct field ${field} of type ${goType(schema)}`
  return undefined
}
