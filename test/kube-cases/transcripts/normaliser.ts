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
    return text
      .replaceAll(this.#namespace, '{ns}')
      .replaceAll(this.#namespace.slice('podid-case-'.length), '{id}')
      .replaceAll(UUID, (uid) => numbered(this.#uids, uid, 'uid'))
      .replaceAll(TIME, '{time}')
      .replaceAll(/\b(kube-api-access|gen)-[a-z0-9]{5}\b/g, '$1-{random}')
      .replaceAll(/(resource version: )\d+(, current: | \()\d+/g, '$1{rv}$2{rv}')
      .replaceAll(/(ResourceVersion in (?:precondition|object meta|record)[^0-9]{0,6})\d+/g, '$1{rv}')
  }

  body(text: string): unknown {
    try {
      return this.value(withoutListVersion(JSON.parse(text)))
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown
      return this.text(text)
    }
  }

  value(value: unknown, path: readonly string[] = []): unknown {
    if (typeof value === 'string') return this.#string(value, path)
    if (Array.isArray(value)) return value.map((each) => this.value(each, path))
    if (typeof value !== 'object' || value === null) return value
    const fields = Object.entries(value).filter(([key]) => key !== '')
    return Object.fromEntries(
      fields.map(([key, each]) => [this.text(key), this.value(each, [...path, key])]).sort(byKey),
    )
  }

  #string(text: string, path: readonly string[]): string {
    const field = path.slice(-2).join('.')
    if (field === 'metadata.resourceVersion') {
      return text === LIST_VERSION ? text : numbered(this.#versions, text, 'rv')
    }
    if (field === 'metadata.continue') return text === '' ? '' : '{continue}'
    return this.text(text)
  }
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

function byKey([a]: readonly unknown[], [b]: readonly unknown[]): number {
  return String(a) < String(b) ? -1 : 1
}

function numbered(known: Map<string, string>, text: string, prefix: string): string {
  const name = known.get(text) ?? `${prefix}-${known.size + 1}`
  known.set(text, name)
  return name
}
