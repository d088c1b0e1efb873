/** Longest piece of a user's own text that a problem repeats. */
const QUOTED_LENGTH = 120

/**
 * Reads the fields of a custom resource that a user wrote, and notes in words what is wrong instead of
 * refusing the object: it must stay visible, with its reason. Field names are looked up as written
 * first and then without case: objects of AAD Pod Identity before 1.6 say `ResourceID` or `Selector`
 * (its Go decoder did not care), and the exact spelling wins.
 */
export class FieldReader {
  readonly problems: string[]
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #prefix: string

  /** `prefix` stands before field names in problems, such as `clientPassword.`. */
  constructor(raw: unknown, prefix = '', problems: string[] = []) {
    this.problems = problems
    this.#fields = isObject(raw) ? raw : {}
    this.#prefix = prefix
  }

  problem(field: string, words: string): void {
    this.problems.push(`${this.#prefix}${field}: ${words}`)
  }

  /** Empty when the field is missing or no text. */
  text(field: string): string {
    const value = this.raw(field)
    if (typeof value === 'string') return value
    this.#wrongType(field, value, 'a text')
    return ''
  }

  /** Notes a problem when the field is missing or empty. */
  requiredText(field: string): string {
    const before = this.problems.length
    const text = this.text(field)
    if (text.trim() === '' && this.problems.length === before) this.problem(field, 'is missing')
    return text
  }

  texts(field: string): readonly string[] {
    const value = this.raw(field)
    if (!Array.isArray(value)) {
      this.#wrongType(field, value, 'a list of texts')
      return []
    }
    const texts = value.filter((each): each is string => typeof each === 'string')
    if (texts.length < value.length) this.problem(field, 'must be a list of texts')
    return texts
  }

  /** Reader of an object in a field; undefined when the field is missing or no object. */
  object(field: string): FieldReader | undefined {
    const value = this.raw(field)
    if (isObject(value)) return new FieldReader(value, `${this.#prefix}${field}.`, this.problems)
    this.#wrongType(field, value, 'an object')
    return undefined
  }

  /** Undefined and null, which Kubernetes treats alike, both come back as undefined. */
  raw(field: string): unknown {
    const exact = Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined
    if (exact !== undefined && exact !== null) return exact
    const lower = field.toLowerCase()
    const other = Object.keys(this.#fields).find((key) => key !== field && key.toLowerCase() === lower)
    return other === undefined ? undefined : (this.#fields[other] ?? undefined)
  }

  #wrongType(field: string, value: unknown, wanted: string): void {
    if (value !== undefined) this.problem(field, `must be ${wanted}, is ${typeName(value)}`)
  }
}

/** A user's text inside a problem: quoted, control characters escaped, of bounded length. */
export function quoted(text: string): string {
  const short = text.length > QUOTED_LENGTH ? `${text.slice(0, QUOTED_LENGTH)}...` : text
  return JSON.stringify(short)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'a text'
  if (typeof value === 'number') return 'a number'
  return typeof value === 'boolean' ? 'true or false' : 'an object'
}
