import { parse } from 'yaml'
import { errorText } from '../../../src/base/errors.ts'
import { badRequest, unsupportedMediaType } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields } from '../json.ts'
import { decodeKubeProtobuf } from '../protobuf/kube-protobuf.ts'
import type { Call } from './call.ts'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const BODY_TYPES = ['application/json', 'application/yaml', PROTOBUF]

/**
 * The body of a create or update. Protobuf is understood for built-in kinds, as on a real server.
 * @throws ApiError 400 when it is no object, 415 for a media type that is not understood.
 */
export function objectBody(call: Call, kind: string, custom = false): Fields {
  const types = custom ? BODY_TYPES.slice(0, 2) : BODY_TYPES
  if (call.contentType !== '' && !types.includes(call.contentType)) throw unsupportedMediaType(types)
  const value = parsedBody(call, kind)
  if (isFields(value)) return value
  throw badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error`,
  )
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
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${errorText(thrown)} (${call.body.subarray(0, 32).toString('hex')} ...)`,
    )
  }
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
    throw badRequest(`error decoding patch: ${errorText(thrown)}`)
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
  return call.body.length === 0 ? undefined : objectBody(call, 'DeleteOptions')
}
