/**
 * Writes `generated/protobuf-fields.json`: the field numbers of the built-in kinds, from the `.proto` files
 * of the Go modules k8s.io/api and k8s.io/apimachinery. The folder that holds both is the argument:
 * `node emulator/kube/schemas/generate-protobuf-fields.ts "$(go env GOMODCACHE)/k8s.io" 0.35.2`
 */
import { readFile, writeFile } from 'node:fs/promises'
import { BUILTIN_ROOTS } from './builtin-roots.ts'

const [folder = '', version = ''] = process.argv.slice(2)
const FILES = [
  `apimachinery@v${version}/pkg/apis/meta/v1`,
  `apimachinery@v${version}/pkg/runtime`,
  `apimachinery@v${version}/pkg/util/intstr`,
  `apimachinery@v${version}/pkg/api/resource`,
  ...['core', 'authentication', 'authorization', 'coordination', 'rbac', 'apps', 'policy'].map(
    (group) => `api@v${version}/${group}/v1`,
  ),
]

const FIELD = /^\s*(?:(optional|repeated)\s+)?(map<string,\s*([\w.]+)>|[\w.]+)\s+(\w+)\s*=\s*(\d+);/

/** `name:type`, with `*` before the type of a repeated field and `%` before that of a map's values. */
function fieldText(match: RegExpExecArray): string {
  const [, label, type = '', mapped, name = ''] = match
  const short = (mapped ?? type).split('.').at(-1) ?? ''
  return `${name}:${mapped !== undefined ? '%' : label === 'repeated' ? '*' : ''}${short}`
}

const messages: Record<string, Record<string, string>> = {}
for (const file of FILES) {
  const text = await readFile(`${folder}/${file}/generated.proto`, 'utf8')
  for (const [, name = '', body = ''] of text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields: Record<string, string> = {}
    for (const line of body.split('\n')) {
      const match = FIELD.exec(line)
      if (match?.[5] !== undefined) fields[match[5]] = fieldText(match)
    }
    messages[name] = fields
  }
}

const needed = new Set<string>(['Unknown'])
const queue = ['Unknown', ...BUILTIN_ROOTS.map((each) => each.replace(/^(?:Core|Authentication)?V1/, ''))]
for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
  for (const field of Object.values(messages[name] ?? {})) {
    const type = field.replace(/^\w+:[*%]?/, '')
    if (messages[type] !== undefined && !needed.has(type)) queue.push(type)
  }
  if (messages[name] !== undefined) needed.add(name)
}
const lines = [...needed].sort().map((name) => `${JSON.stringify(name)}: ${JSON.stringify(messages[name])}`)
await writeFile(new URL('generated/protobuf-fields.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`)
