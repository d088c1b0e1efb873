import { invalid } from '../api-error.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { invalidValue, notSupported } from '../validation/field-problem.ts'
import type { FieldValidation } from './decode.ts'

/** How a write is to be done, from its query and headers. */
export interface WriteOptions {
  readonly dryRun: boolean
  /** Name under which the written fields are recorded. */
  readonly manager: string
  readonly fieldValidation: FieldValidation
  /** `status` for writes through the status subresource, else empty. */
  readonly subresource: string
  readonly warn: (text: string) => void
}

const MOST_MANAGER_BYTES = 128
const UNPRINTABLE = /\p{C}/u

const VALIDATIONS = ['Ignore', 'Strict', 'Warn']

/** @throws ApiError 422 for values that the API does not know. */
export function writeOptions(
  query: URLSearchParams,
  request: {
    readonly kind: string
    readonly userAgent: string
    readonly subresource: string
    readonly warn: (text: string) => void
  },
): WriteOptions {
  const dryRun = query.getAll('dryRun').filter((each) => each !== '')
  const fieldValidation = query.get('fieldValidation') ?? ''
  const problems: FieldProblem[] = dryRun
    .filter((each) => each !== 'All')
    .map(() => notSupported('dryRun', dryRun, ['All']))
  if (fieldValidation !== '' && !VALIDATIONS.includes(fieldValidation)) {
    problems.push(notSupported('fieldValidation', fieldValidation, ['', ...VALIDATIONS]))
  }
  const manager = query.get('fieldManager') ?? ''
  problems.push(...managerProblems(manager))
  if (problems.length > 0) throw invalid({ group: 'meta.k8s.io', kind: request.kind }, '', problems)
  return {
    dryRun: dryRun.length > 0,
    manager: manager === '' ? (request.userAgent.split('/')[0] ?? '').slice(0, 128) || 'unknown' : manager,
    fieldValidation: (fieldValidation === '' ? 'Warn' : fieldValidation) as FieldValidation,
    subresource: request.subresource,
    warn: request.warn,
  }
}

function managerProblems(manager: string): FieldProblem[] {
  const field = 'fieldManager'
  const problems: FieldProblem[] = []
  if (Buffer.byteLength(manager) > MOST_MANAGER_BYTES) {
    const detail = `may not be more than ${MOST_MANAGER_BYTES} bytes`
    problems.push({ type: 'FieldValueTooLong', field, detail })
  }
  const characters = Array.from(manager)
  const at = characters.findIndex((each) => UNPRINTABLE.test(each))
  const code = characters[at]?.codePointAt(0)
  if (code !== undefined) {
    const detail = `invalid character U+${code.toString(16).toUpperCase().padStart(4, '0')} (at position ${at})`
    problems.push(invalidValue(field, manager, detail))
  }
  return problems
}

/** Writes that the server does by itself. */
export function ownWrite(manager: string, subresource = ''): WriteOptions {
  return { dryRun: false, manager, fieldValidation: 'Ignore', subresource, warn: () => undefined }
}
