import type { FieldProblem } from './validation/field-problem.ts'
import { problemText } from './validation/field-problem.ts'

interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly group?: string
  readonly kind?: string
  readonly uid?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

/** The `Status` object of a failed request. */
export interface FailureStatus {
  readonly kind: 'Status'
  readonly apiVersion: 'v1'
  readonly metadata: Readonly<Record<string, unknown>>
  readonly status: 'Failure'
  readonly message: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code: number
}

/** A request that the API refuses: the Status object goes to the client as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }

  status(metadata: Readonly<Record<string, unknown>> = {}): FailureStatus {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    }
  }
}

/** What an error message calls a resource: `azureidentities.aadpodidentity.k8s.io`, or `pods`. */
export interface ResourceName {
  readonly group: string
  readonly plural: string
}

function qualified(group: string, name: string): string {
  return group === '' ? name : `${name}.${group}`
}

function about(resource: ResourceName, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  }
}

export function notFound(resource: ResourceName, name: string): ApiError {
  const what = qualified(resource.group, resource.plural)
  return new ApiError(404, 'NotFound', `${what} "${name}" not found`, about(resource, name))
}

export function alreadyExists(resource: ResourceName, name: string, isLeaving = false): ApiError {
  const what = qualified(resource.group, resource.plural)
  const message = `${isLeaving ? 'object is being deleted: ' : ''}${what} "${name}" already exists`
  return new ApiError(409, 'AlreadyExists', message, about(resource, name))
}

export const STALE =
  'the object has been modified; please apply your changes to the latest version and try again'

export function conflict(resource: ResourceName, name: string, why: string): ApiError {
  const what = qualified(resource.group, resource.plural)
  const message = `Operation cannot be fulfilled on ${what} "${name}": ${why}`
  return new ApiError(409, 'Conflict', message, about(resource, name))
}

export function forbidden(resource: ResourceName, name: string, why: string): ApiError {
  const what = qualified(resource.group, resource.plural)
  const message = name === '' ? `${what} is forbidden: ${why}` : `${what} "${name}" is forbidden: ${why}`
  return new ApiError(403, 'Forbidden', message, about(resource, name))
}

/** 422 with one cause per problem, worded as the API server words them. */
export function invalid(
  subject: { readonly group: string; readonly kind: string },
  name: string,
  problems: readonly FieldProblem[],
): ApiError {
  const texts = [...new Set(problems.map((each) => `${each.field}: ${problemText(each)}`))]
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  const message = `${qualified(subject.group, subject.kind)} "${name}" is invalid: ${list}`
  return new ApiError(422, 'Invalid', message, {
    ...(name === '' ? {} : { name }),
    ...(subject.group === '' ? {} : { group: subject.group }),
    ...(subject.kind === '' ? {} : { kind: subject.kind }),
    causes: problems.map((each) => ({
      reason: each.type,
      message: problemText(each),
      field: each.field,
    })),
  })
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, 'BadRequest', message)
}

/** What the API server answers for an error that nobody gave a reason. */
export function unexplained(message: string): ApiError {
  return new ApiError(500, '', message)
}

export function internalError(message: string): ApiError {
  return new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  })
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource'
  return new ApiError(405, 'MethodNotAllowed', message, {})
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`
  return new ApiError(415, 'UnsupportedMediaType', message)
}

export function notAcceptable(accepted: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`
  return new ApiError(406, 'NotAcceptable', message)
}

/** 410: the history back to that version is gone. */
export function expired(message: string): ApiError {
  return new ApiError(410, 'Expired', message)
}

/** A version that this server has not reached yet. */
export function tooLargeVersion(wanted: number, current: number): ApiError {
  const message = `Too large resource version: ${wanted}, current: ${current}`
  return new ApiError(504, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })
}
