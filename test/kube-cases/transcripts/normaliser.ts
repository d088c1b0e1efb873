const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

/**
 * Takes out of answers what differs from run to run: the namespace, uids, versions, times, random names.
 * What was the same stays the same: the first uid of a script is always `uid-1`.
 */
export class Normaliser {
  readonly #namespace: string
  readonly #uids = new Map<string, string>()
  readonly #versions = new Map<string, string>()

  constructor(namespace: string) {
    this.#namespace = namespace
  }

  text(text: string): string {
    return (
      text
        .replaceAll(this.#namespace, '{ns}')
        .replaceAll(this.#namespace.slice('podid-case-'.length), '{id}')
        .replaceAll(UUID, (uid) => numbered(this.#uids, uid, 'uid'))
        .replaceAll(TIME, '{time}')
        .replaceAll(/\b(kube-api-access-|gen-|Bad_)[a-z0-9]{5}\b/g, '$1{random}')
        // What has changed, as a difference of two dumps of Go's structs.
        .replaceAll(/(if it was previously negative\))\n@@[\s\S]*$/g, '$1')
        // The whole patched object, its keys in the order of the server's own structs.
        .replaceAll(/patch: Invalid value: "\{.*\}": /gs, 'patch: Invalid value: {object}: ')
        .replace(
          /^Invalid value: "\{\\"(?:apiVersion|kind|metadata|data|spec).*\}": /s,
          'Invalid value: {object}: ',
        )
        .replaceAll(/(Object 'Kind' is missing in )'\{\\?"apiVersion.*'/gs, '$1{object}')
        .replaceAll(/(resource version: )\d+(, current: | \()\d+/g, '$1{rv}$2{rv}')
        .replaceAll(/(ResourceVersion in (?:precondition|object meta|record)[^0-9]{0,6})\d+/g, '$1{rv}')
    )
  }

  body(text: string): unknown {
    try {
      return sortedCauses(this.value(withoutListVersion(JSON.parse(text))))
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown
      return this.text(text)
    }
  }

  value(value: unknown, path: readonly string[] = []): unknown {
    if (typeof value === 'string') return this.#string(value, path)
    // Kept by age, in seconds: whether two writes were in the same one is chance.
    if (path.at(-1) === 'managedFields' && Array.isArray(value))
      return value.map((each) => this.value(each, [...path, 'entry'])).sort(byManager)
    if (Array.isArray(value)) return value.map((each) => this.value(each, path))
    if (typeof value !== 'object' || value === null) return value
    const fields = Object.entries(value).filter(([key]) => key !== '')
    return Object.fromEntries(
      fields
        // What `kubectl explain` tells of built-in kinds; the emulator has no such texts.
        .filter(([key]) => !(key === 'description' && path.at(-1) === 'columnDefinitions'))
        .map(([key, each]) => [this.text(key), this.value(each, [...path, key])])
        .sort(byKey),
    )
  }

  #string(text: string, path: readonly string[]): string {
    const field = path.slice(-2).join('.')
    if (field === 'metadata.resourceVersion') {
      return text === LIST_VERSION ? text : numbered(this.#versions, text, 'rv')
    }
    if (path.at(-1) === 'cells' && /^\d+[smhd]$/.test(text)) return '{age}'
    if (field === 'status.token' && text !== '') return '{token}'
    if (field === 'metadata.continue') return text === '' ? '' : '{continue}'
    return this.text(text)
  }
}

interface Refused {
  readonly message: string
  readonly details: { readonly causes: readonly { readonly field: string; readonly message: string }[] }
}

function isRefused(value: unknown): value is Refused {
  const { details } = (value ?? {}) as Partial<Refused>
  return details?.causes !== undefined
}

/** Go walks the fields of a map in no order, so the causes of a refusal come in no order; some come twice. */
function sortedCauses(value: unknown): unknown {
  if (!isRefused(value)) return value
  const textOf = ({ field, message }: Refused['details']['causes'][number]): string => `${field}: ${message}`
  const byText = new Map(value.details.causes.map((each) => [textOf(each), each]))
  const causes = [...byText.values()].sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1))
  const start = value.message.indexOf(' is invalid: [')
  const message =
    start < 0
      ? value.message
      : `${value.message.slice(0, start)} is invalid: [${causes.map(textOf).join(', ')}]`
  return { ...value, message, details: { ...value.details, causes } }
}

const LIST_VERSION = '{list version}'

/** Whatever else lives on the server moves the version of a list. */
function withoutListVersion(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('metadata' in value)) return value
  if (!('items' in value) && !('rows' in value)) return value
  const metadata = value.metadata as Record<string, unknown>
  if (metadata['resourceVersion'] === undefined) return value
  return { ...value, metadata: { ...metadata, resourceVersion: LIST_VERSION } }
}

function byManager(a: unknown, b: unknown): number {
  const keyOf = (entry: unknown): string => {
    const { operation, manager, subresource = '' } = entry as Record<string, string>
    return `${operation} ${manager} ${subresource}`
  }
  return keyOf(a) < keyOf(b) ? -1 : 1
}

function byKey([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}

function numbered(known: Map<string, string>, text: string, prefix: string): string {
  const name = known.get(text) ?? `${prefix}-${known.size + 1}`
  known.set(text, name)
  return name
}
