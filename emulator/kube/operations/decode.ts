import { badRequest, invalid } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, textAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import { decodeBuiltin } from '../validation/decode-builtin.ts'
import { defaultCustom, pruneCustom } from '../validation/decode-custom.ts'
import { invalidValue } from '../validation/field-problem.ts'

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict'

export interface DecodeOptions {
  readonly fieldValidation: FieldValidation
  /** Takes the text of a `Warning` header. */
  readonly warn: (text: string) => void
  /** The patch that made the object; its errors are worded differently. */
  readonly patch?: string
}

/**
 * An object of the given kind out of JSON: what the kind does not know is dropped, and reported as
 * `fieldValidation` asks for.
 * @throws ApiError 400 for another kind, a value of a wrong type or (Strict) an unknown field.
 */
export function decodeObject(
  raw: Fields,
  definition: ResourceDefinition,
  options: DecodeOptions,
): KubeObject {
  const typed = withKind(raw, definition)
  const decoded = definition.custom
    ? pruneCustom(typed, definition.schema)
    : decodeBuiltin(typed, definition.schema)
  const { kind, version } = definition
  const problem = `${kind} in version "${version}" cannot be handled as a ${kind}`
  if (decoded.mismatch !== undefined) throw badRequest(`${problem}: ${decoded.mismatch}`)
  const texts = decoded.unknown.map((each) => `unknown field ${JSON.stringify(each)}`)
  if (texts.length > 0 && options.fieldValidation === 'Strict') {
    const strict = `strict decoding error: ${texts.join(', ')}`
    if (options.patch === undefined) throw badRequest(`${problem}: ${strict}`)
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', options.patch, strict)])
  }
  if (options.fieldValidation === 'Warn') for (const text of texts) options.warn(text)
  const object = decoded.value as KubeObject
  const metadata = isFields(object.metadata) ? object.metadata : ({} as KubeObject['metadata'])
  const filled = definition.custom ? (defaultCustom(object, definition.schema) as KubeObject) : object
  return { ...filled, metadata }
}

function withKind(raw: Fields, definition: ResourceDefinition): Fields {
  const wanted = groupVersion(definition)
  const apiVersion = textAt(raw, 'apiVersion')
  const kind = textAt(raw, 'kind')
  if (definition.custom && (apiVersion === '' || kind === '')) {
    throw badRequest(`Object '${kind === '' ? 'Kind' : 'apiVersion'}' is missing in '${JSON.stringify(raw)}'`)
  }
  if (apiVersion !== '' && apiVersion !== wanted) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
    )
  }
  if (kind !== '' && kind !== definition.kind) {
    throw badRequest(
      `${kind} in version "${definition.version}" cannot be handled as a ${definition.kind}: converting (v1.${kind}) to (v1.${definition.kind}): unknown conversion`,
    )
  }
  const { apiVersion: _version, kind: _kind, ...rest } = raw
  return { apiVersion: wanted, kind: definition.kind, ...rest }
}
