import { parse } from 'yaml'
import { errorText } from '../../../src/base/errors.ts'
import { type ApiError, badRequest, unsupportedMediaType } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, isList, textAt } from '../json.ts'
import { decodeKubeProtobuf } from '../protobuf/kube-protobuf.ts'
import { duplicateKeys } from '../validation/duplicate-keys.ts'
import type { Call } from './call.ts'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const BODY_TYPES = ['application/json', 'application/yaml', PROTOBUF]

/** The body of a create or update. */
export interface ObjectBody {
  readonly value: Fields
  /** Paths of keys that the body repeats. */
  readonly repeated: readonly string[]
}

/**
 * The body of a create or update. Protobuf is understood for built-in kinds, as on a real server.
 * @throws ApiError 400 when it is no object, 415 for a media type that is not understood.
 */
export function readObject(call: Call, kind: string, custom = false): ObjectBody {
  if (call.contentType !== '' && !BODY_TYPES.includes(call.contentType))
    throw unsupportedMediaType(BODY_TYPES)
  const value = parsedBody(call, kind)
  if (custom) requireKind(value, kind, call)
  // Go decodes null into a struct by leaving it as it is.
  if (value === null) return { value: {}, repeated: [] }
  const isJson = call.contentType === '' || call.contentType === 'application/json'
  if (isFields(value)) return { value, repeated: isJson ? duplicateKeys(call.body.toString()) : [] }
  throw unrecognized(kind, `couldn't get version/kind; json parse error: ${notAnObject(value)}`, call)
}

/** As `readObject`, for those who do not ask about repeated keys. */
export function objectBody(call: Call, kind: string): Fields {
  return readObject(call, kind).value
}

function unrecognized(kind: string, why: string, call: Call): ApiError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): ${why} (${peek(call.body)})`,
  )
}

/** The beginning of a body, as text when it looks like an object. */
function peek(body: Buffer): string {
  if (body.length === 0) return '<empty>'
  const start = body.subarray(0, 30)
  const shown = start[0] === 0x7b ? start.toString() : start.toString('hex')
  return body.length > 30 ? `${shown} ...` : shown
}

/** A custom resource must say in its body what it is. */
function requireKind(value: unknown, kind: string, call: Call): void {
  if (value !== null && !isFields(value)) return
  if (textAt(value, 'kind') !== '') return
  const text = call.body.toString()
  throw unrecognized(kind, `Object 'Kind' is missing in '${text}'`, call)
}

const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'

function notAnObject(value: unknown): string {
  const found = isList(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  return `json: cannot unmarshal ${found} into Go value of type ${TYPE_META}`
}

function parsedBody(call: Call, kind: string): unknown {
  if (call.contentType === PROTOBUF) return decodeKubeProtobuf(call.body)
  return call.contentType === 'application/yaml' ? yamlBody(call) : jsonBody(call, kind)
}

function jsonBody(call: Call, kind: string): unknown {
  try {
    return JSON.parse(call.body.toString())
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    throw unrecognized(
      kind,
      `couldn't get version/kind; json parse error: ${syntaxProblem(call.body.toString(), thrown)}`,
      call,
    )
  }
}

/** What Go says of a text that is no JSON, for the common ends of it. */
function syntaxProblem(text: string, thrown: SyntaxError): string {
  const at = /at position (\d+)/.exec(thrown.message)?.[1]
  const found = at === undefined ? /token '(.)'/.exec(thrown.message)?.[1] : text[Number(at)]
  return found === undefined
    ? 'unexpected end of JSON input'
    : `invalid character '${found}' looking for beginning of value`
}

function yamlBody(call: Call): unknown {
  try {
    return parse(call.body.toString(), { maxAliasCount: 0 })
  } catch (thrown) {
    throw badRequest(`error decoding YAML: ${errorText(thrown)}`)
  }
}

/** The body of a patch; apply patches are YAML, of which JSON is a part. */
export function patchBody(call: Call): unknown {
  if (call.contentType === 'application/apply-patch+yaml') return yamlOrJson(call)
  try {
    return JSON.parse(call.body.toString())
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    throw badRequest(`error decoding patch: ${syntaxProblem(call.body.toString(), thrown)}`)
  }
}

function yamlOrJson(call: Call): unknown {
  try {
    return JSON.parse(call.body.toString())
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    return yamlBody(call)
  }
}

/** The body of a delete, undefined when there is none. */
export function deleteBody(call: Call): unknown {
  if (call.body.length === 0) return undefined
  try {
    return JSON.parse(call.body.toString())
  } catch (thrown) {
    if (!(thrown instanceof SyntaxError)) throw thrown
    if (call.contentType !== '' && call.contentType !== 'application/json')
      return objectBody(call, 'DeleteOptions')
    const problem = syntaxProblem(call.body.toString(), thrown)
    throw badRequest(`couldn't get version/kind; json parse error: ${problem}`)
  }
}
