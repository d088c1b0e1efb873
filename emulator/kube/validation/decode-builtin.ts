import type { Fields } from '../json.ts'
import { isFields, isList, setField } from '../json.ts'
import { fieldSchema, keepsUnknown, resolved } from '../schemas/builtin-schemas.ts'
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
  readonly unknown: string[]
  mismatch: string | undefined
}

/** Decodes an object of a built-in kind: drops unknown fields and nulls, keeps quantities as text. */
export function decodeBuiltin(value: unknown, schema: Schema): Decoded {
  const progress: Progress = { unknown: [], mismatch: undefined }
  return { value: decode(value, resolved(schema), '', progress), ...progress }
}

function decode(value: unknown, schema: Schema, path: string, progress: Progress): unknown {
  if (isFields(value)) return decodeFields(value, schema, path, progress)
  if (isList(value)) return decodeList(value, schema, path, progress)
  return decodeScalar(value, schema, path, progress)
}

function decodeFields(value: Fields, schema: Schema, path: string, progress: Progress): unknown {
  if (schema.type !== undefined && schema.type !== 'object') return mismatch('object', schema, path, progress)
  if (schema.properties === undefined && keepsUnknown(schema)) return value
  const decoded: Fields = {}
  for (const [key, each] of Object.entries(value)) {
    const place = path === '' ? key : `${path}.${key}`
    const known = fieldSchema(schema, key)
    if (known === undefined) {
      if (keepsUnknown(schema)) setField(decoded, key, each)
      else progress.unknown.push(place)
    } else if (each !== null) {
      setField(decoded, key, decode(each, known, place, progress))
    } else if (schema.properties === undefined) {
      // Go reads null into a map of strings as the empty string.
      setField(decoded, key, '')
    }
  }
  return decoded
}

function decodeList(value: unknown[], schema: Schema, path: string, progress: Progress): unknown {
  if (schema.type !== undefined && schema.type !== 'array') return mismatch('array', schema, path, progress)
  const items = schema.items === undefined ? undefined : resolved(schema.items)
  if (items === undefined) return value
  return value.map((each, at) => decode(each ?? zeroOf(items), items, `${path}[${at}]`, progress))
}

function zeroOf(schema: Schema): unknown {
  if (schema.type === 'object') return {}
  if (schema.type === 'boolean') return false
  return schema.type === 'string' ? '' : 0
}

function decodeScalar(value: unknown, schema: Schema, path: string, progress: Progress): unknown {
  if (schema['x-kubernetes-int-or-string'] === true || schema.type === undefined) return value
  const found = goType(value)
  if (schema.format === 'quantity' && found === 'number') return String(value)
  if (typeof value === 'string' && isTime(schema)) return decodeTime(value, schema, progress)
  if (fits(value, found, schema)) return value
  const fraction = found === 'number' && !Number.isInteger(value)
  return mismatch(fraction ? `number ${String(value)}` : found, schema, path, progress)
}

function fits(value: unknown, found: string, { type }: Schema): boolean {
  if (found !== 'number') return found === type
  return type === 'number' || (type === 'integer' && Number.isInteger(value))
}

function isTime({ format }: Schema): boolean {
  return format === 'date-time' || format === 'micro-time'
}

/** Times are kept in whole seconds, those of leases and event series in microseconds. */
function decodeTime(text: string, schema: Schema, progress: Progress): string | undefined {
  const ms = Date.parse(text)
  if (Number.isNaN(ms) || formatProblem(text, 'date-time') !== undefined) {
    progress.mismatch ??= `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(text)}`
    return undefined
  }
  const whole = new Date(ms).toISOString().slice(0, 19)
  if (schema.format === 'date-time') return `${whole}Z`
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  return `${whole}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

function goType(value: unknown): string {
  if (typeof value === 'boolean') return 'boolean'
  return typeof value
}

const GO_TYPES: Readonly<Record<string, string>> = {
  integer: 'int32',
  boolean: 'bool',
  string: 'string',
  array: 'slice',
  object: 'map',
  number: 'float64',
}

const GO_WORDS: Readonly<Record<string, string>> = { boolean: 'bool' }

function mismatch(found: string, schema: Schema, path: string, progress: Progress): undefined {
  const wanted = schema.format === 'int64' ? 'int64' : (GO_TYPES[schema.type ?? ''] ?? 'value')
  progress.mismatch ??= `json: cannot unmarshal ${GO_WORDS[found] ?? found} into Go struct field .${path.replaceAll(/\[\d+\]/g, '')} of type ${wanted}`
  return undefined
}
