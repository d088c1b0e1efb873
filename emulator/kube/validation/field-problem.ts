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
  const shown = SHOWN.has(problem.type) ? `: ${goText(problem.value)}` : ''
  const detail = problem.detail === '' ? '' : `: ${problem.detail}`
  return `${LEADS[problem.type]}${shown}${detail}`
}

/** JSON, but for control characters, which Go prints as bytes. */
function goText(value: unknown): string {
  return JSON.stringify(value ?? null).replaceAll(/\\u00([01][0-9a-f])/g, '\\x$1')
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
