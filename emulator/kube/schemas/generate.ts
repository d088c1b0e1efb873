/**
 * Writes `generated/builtin-schemas.json`: field names, types and formats of the built-in kinds, taken from
 * the type maps of @kubernetes/client-node, and the list keys that merge patches and server-side apply
 * need, from `list-keys.ts`. Run it again after an update of that package:
 * `node emulator/kube/schemas/generate.ts`
 */
import { readFile, writeFile } from 'node:fs/promises'
import { BUILTIN_ROOTS } from './builtin-roots.ts'
import { ATOMIC_TYPES, LIST_KEYS, QUANTITIES } from './list-keys.ts'
import type { Schema } from './schema.ts'

interface Attribute {
  readonly baseName: string
  readonly type: string
  readonly format: string
}

const models = new URL('../../../node_modules/@kubernetes/client-node/dist/gen/models/', import.meta.url)

/** `V1PodSpec` -> `PodSpec`, `CoreV1Event` -> `Event`. */
function shortName(model: string): string {
  return model.replace(/^(?:Core|Rbac|Authentication|Discovery|Storage)?V1(?=[A-Z])/, '')
}

const SIMPLE: Readonly<Record<string, Schema>> = {
  Date: { type: 'string', format: 'date-time' },
  V1MicroTime: { type: 'string', format: 'micro-time' },
  IntOrString: { 'x-kubernetes-int-or-string': true },
  object: { 'x-kubernetes-preserve-unknown-fields': true },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
}

const SCALARS: Readonly<Record<string, string>> = { string: 'string', boolean: 'boolean', number: 'integer' }

function schemaOf(type: string, format: string, need: (model: string) => void): Schema {
  const list = /^Array<(.+)>$/.exec(type)?.[1]
  if (list !== undefined) return { type: 'array', items: schemaOf(list, format, need) }
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1]
  if (map !== undefined) return { type: 'object', additionalProperties: schemaOf(map, format, need) }
  const scalar = format === 'double' ? 'number' : SCALARS[type]
  if (scalar !== undefined) return { type: scalar, ...(format === '' ? {} : { format }) }
  const simple = SIMPLE[type]
  if (simple !== undefined) return simple
  need(type)
  return { $ref: `#/components/schemas/${shortName(type)}` }
}

async function modelOf(model: string, need: (model: string) => void): Promise<Schema> {
  const code = await readFile(new URL(`${model}.js`, models), 'utf8')
  const declared = await readFile(new URL(`${model}.d.ts`, models), 'utf8')
  const map = /attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(code)?.[1]
  if (map === undefined) throw new Error(`${model}: no attribute map`)
  const properties: Record<string, Schema> = {}
  const required: string[] = []
  for (const { baseName, type, format } of JSON.parse(map) as Attribute[]) {
    const place = `${shortName(model)}.${baseName}`
    const schema = schemaOf(type, QUANTITIES.has(place) ? 'quantity' : format, need)
    properties[baseName] = { ...schema, ...LIST_KEYS[place] }
    if (declared.includes(`    '${baseName}': `)) required.push(baseName)
  }
  const atomic = ATOMIC_TYPES.has(shortName(model)) ? ({ 'x-kubernetes-map-type': 'atomic' } as const) : {}
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}), ...atomic }
}

const queue: string[] = [...BUILTIN_ROOTS]
const schemas: Record<string, Schema> = {}
for (let model = queue.shift(); model !== undefined; model = queue.shift()) {
  const name = shortName(model)
  // JSONSchemaProps describes itself; its content is checked by the structural schema rules instead.
  if (name in schemas) continue
  schemas[name] = name === 'JSONSchemaProps' ? { 'x-kubernetes-preserve-unknown-fields': true } : {}
  if (name === 'JSONSchemaProps') continue
  schemas[name] = await modelOf(model, (each) => queue.push(each))
}
const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
const lines = Object.entries(sorted).map(
  ([name, schema]) => `${JSON.stringify(name)}: ${JSON.stringify(schema)}`,
)
await writeFile(new URL('generated/builtin-schemas.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
