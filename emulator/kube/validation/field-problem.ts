type FieldProblemType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueNotFound'

/** The value of a problem whose text does not show it, though its kind does. */
export const OMITTED = Symbol('omitted')

/** One thing wrong with one field, as `field.Error` of the API machinery words it. */
export interface FieldProblem {
  readonly type: FieldProblemType
  readonly field: string
  readonly detail: string
  readonly value?: unknown
}

const LEADS: Readonly<Record<FieldProblemType, string>> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueNotFound: 'Not found',
}

/** Kinds of problem whose text shows the value. */
const SHOWN: ReadonlySet<FieldProblemType> = new Set([
  'FieldValueInvalid',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueDuplicate',
  'FieldValueNotFound',
])

/** `Invalid value: "x": must be ...`: the text without the field. */
export function problemText(problem: FieldProblem): string {
  const isShown = SHOWN.has(problem.type) && problem.value !== OMITTED
  const shown = isShown ? `: ${goText(problem.value)}` : ''
  const detail = problem.detail === '' ? '' : `: ${problem.detail}`
  return `${LEADS[problem.type]}${shown}${detail}`
}

/** A text as Go quotes it, anything else as JSON. */
function goText(value: unknown): string {
  const json = JSON.stringify(value ?? null)
  return typeof value === 'string' ? json.replaceAll(UNPRINTABLE, goEscape) : json
}

/** What JSON has escaped otherwise than Go, or not at all. */
const UNPRINTABLE = /\\\\|\\u00[01][0-9a-f]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

function goEscape(found: string): string {
  if (found === '\\\\') return found
  if (found === '\\u0007') return '\\a'
  if (found === '\\u000b') return '\\v'
  const code = found.startsWith('\\') ? Number.parseInt(found.slice(2), 16) : (found.codePointAt(0) ?? 0)
  const hex = code.toString(16)
  if (code < 0x80) return `\\x${hex.padStart(2, '0')}`
  return code < 0x1_00_00 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

export function required(field: string, detail = ''): FieldProblem {
  return { type: 'FieldValueRequired', field, detail }
}

export function invalidValue(field: string, value: unknown, detail: string): FieldProblem {
  return { type: 'FieldValueInvalid', field, value, detail }
}

export function forbiddenField(field: string, detail: string): FieldProblem {
  return { type: 'FieldValueForbidden', field, detail }
}

export function duplicate(field: string, value: unknown): FieldProblem {
  return { type: 'FieldValueDuplicate', field, value, detail: '' }
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldProblem {
  const list = supported.map((each) => JSON.stringify(each)).join(', ')
  return { type: 'FieldValueNotSupported', field, value, detail: `supported values: ${list}` }
}
