import type { Fields } from '../json.ts'
import { isFields, isList, setField } from '../json.ts'
import { BUILTIN_SCHEMAS } from '../schemas/builtin-schemas.ts'
import definitions from '../schemas/generated/protobuf-fields.json' with { type: 'json' }
import { WireError, wireFields } from './wire-reader.ts'

/** Field names and types by message and field number. */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = definitions

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

interface Field {
  readonly name: string
  readonly type: string
  readonly repeated: boolean
  readonly map: boolean
}

/**
 * A Kubernetes object in protobuf, as Go clients send built-in kinds, as the JSON object that it stands
 * for. Strings that are empty count as absent, since Go writes them always.
 * @returns undefined for bytes that are no such object, or a kind that is not known.
 */
export function decodeKubeProtobuf(bytes: Buffer): Fields | undefined {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  try {
    const envelope = message(bytes.subarray(MAGIC.length), 'Unknown')
    const { typeMeta, raw } = envelope
    const kind = isFields(typeMeta) && typeof typeMeta['kind'] === 'string' ? typeMeta['kind'] : ''
    if (MESSAGES[kind] === undefined) return undefined
    const body = typeof raw === 'string' ? Buffer.from(raw, 'base64') : Buffer.alloc(0)
    return { ...(typeMeta as Fields), ...message(body, kind) }
  } catch (thrown) {
    if (thrown instanceof WireError || thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

function fieldOf(type: string, number: number): Field | undefined {
  const text = MESSAGES[type]?.[number]
  if (text === undefined) return undefined
  const [name = '', rest = ''] = text.split(':')
  return { name, type: rest.replace(/^[*%]/, ''), repeated: rest.startsWith('*'), map: rest.startsWith('%') }
}

function message(bytes: Buffer, type: string): Fields {
  const object: Fields = {}
  for (const { number, value } of wireFields(bytes)) {
    const field = fieldOf(type, number)
    if (field === undefined) continue
    if (field.map) addEntry(object, field, asBytes(value))
    else if (field.repeated) addItems(object, field, value)
    else setValue(object, type, field, scalarOrMessage(value, field.type))
  }
  return object
}

function setValue(object: Fields, type: string, field: Field, value: unknown): void {
  if (value === '' || value === undefined) return
  const properties = BUILTIN_SCHEMAS[type]?.properties
  // Go inlines embedded structs in JSON, and gives them a field of their own in protobuf.
  const inlined = properties !== undefined && properties[field.name] === undefined && isFields(value)
  if (inlined) Object.assign(object, value)
  else setField(object, field.name, value)
}

function addItems(object: Fields, field: Field, value: bigint | Buffer): void {
  const known = object[field.name]
  const list = isList(known) ? known : []
  setField(object, field.name, [...list, scalarOrMessage(value, field.type) ?? {}])
}

function addEntry(object: Fields, field: Field, bytes: Buffer): void {
  const known = object[field.name]
  const map: Fields = isFields(known) ? known : {}
  let key = ''
  let content: unknown = emptyOf(field.type)
  for (const { number, value } of wireFields(bytes)) {
    if (number === 1) key = asBytes(value).toString()
    if (number === 2) content = scalarOrMessage(value, field.type)
  }
  setField(map, key, content)
  setField(object, field.name, map)
}

function emptyOf(type: string): unknown {
  if (type === 'bool') return false
  if (type === 'string' || type === 'bytes') return ''
  return MESSAGES[type] === undefined ? 0 : {}
}

function asBytes(value: bigint | Buffer): Buffer {
  if (typeof value !== 'bigint') return value
  throw new WireError('a number where bytes are due')
}

function scalarOrMessage(value: bigint | Buffer, type: string): unknown {
  if (typeof value === 'bigint') return type === 'bool' ? value !== 0n : Number(BigInt.asIntN(64, value))
  if (type === 'string') return value.toString()
  if (type === 'bytes') return value.toString('base64')
  const special = SPECIAL[type]
  return special === undefined ? message(value, type) : special(message(value, type))
}

type Special = (fields: Fields) => unknown

const rawJson: Special = ({ raw, Raw = raw }) =>
  typeof Raw === 'string' ? JSON.parse(Buffer.from(Raw, 'base64').toString()) : undefined

/** Messages that are something else than an object in JSON. */
const SPECIAL: Readonly<Record<string, Special>> = {
  Time: (fields) => timeText(fields, false),
  MicroTime: (fields) => timeText(fields, true),
  Quantity: ({ string }) => string,
  IntOrString: ({ type, intVal, strVal }) => (type === 1 ? (strVal ?? '') : (intVal ?? 0)),
  FieldsV1: rawJson,
  RawExtension: rawJson,
  ExtraValue: ({ items }) => items ?? [],
}

function timeText({ seconds, nanos }: Fields, micro: boolean): string | undefined {
  if (typeof seconds !== 'number') return undefined
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  const fraction = String(Math.floor((typeof nanos === 'number' ? nanos : 0) / 1000)).padStart(6, '0')
  return micro ? `${whole}.${fraction}Z` : `${whole}Z`
}
