import { ApiError, badRequest, invalid } from '../api-error.ts'
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
  /** Paths of keys that the body repeats. */
  readonly repeated?: readonly string[]
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
  const typed = withKind(raw, definition, options.patch)
  const decoded = definition.custom
    ? pruneCustom(typed, definition.schema)
    : decodeBuiltin(typed, definition.schema, definition.kind)
  const { kind, version } = definition
  const problem = `${kind} in version "${version}" cannot be handled as a ${kind}`
  const patchProblem = (what: string): ApiError =>
    invalid({ group: '', kind: '' }, '', [invalidValue('patch', options.patch, what)])
  if (decoded.mismatch !== undefined) {
    if (options.patch !== undefined) throw patchProblem(decoded.mismatch)
    throw badRequest(`${problem}: ${decoded.mismatch}`)
  }
  const texts = [
    ...(options.repeated ?? []).map((each) => `duplicate field ${JSON.stringify(each)}`),
    ...decoded.unknown.map((each) => `unknown field ${JSON.stringify(each)}`),
  ]
  if (texts.length > 0 && options.fieldValidation === 'Strict') {
    const strict = `strict decoding error: ${texts.join(', ')}`
    if (options.patch === undefined) throw badRequest(`${problem}: ${strict}`)
    throw patchProblem(strict)
  }
  if (options.fieldValidation === 'Warn') for (const text of texts) options.warn(text)
  const object = decoded.value as KubeObject
  const metadata = isFields(object.metadata) ? object.metadata : ({} as KubeObject['metadata'])
  const filled = definition.custom ? (defaultCustom(object, definition.schema) as KubeObject) : object
  return { ...filled, metadata }
}

function withKind(raw: Fields, definition: ResourceDefinition, patch: string | undefined): Fields {
  const wanted = groupVersion(definition)
  const { apiVersion: _version, kind: _kind, ...rest } = raw
  const problem = definition.custom ? customKindProblem(raw, definition, patch) : kindProblem(raw, definition)
  if (problem === undefined) return { apiVersion: wanted, kind: definition.kind, ...rest }
  if (problem instanceof ApiError) throw problem
  if (patch !== undefined) {
    throw invalid({ group: '', kind: '' }, '', [invalidValue('patch', patch, problem)])
  }
  const version = textAt(raw, 'apiVersion').split('/').at(-1) || definition.version
  const kind = textAt(raw, 'kind') || definition.kind
  throw badRequest(
    `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${definition.kind}: ${problem}`,
  )
}

/** Packages of Go that hold the kinds of a group. */
const PACKAGES: Readonly<Record<string, string>> = { '': 'core' }

/** What is wrong with the kind and version that an object of a built-in kind states. */
function kindProblem(raw: Fields, definition: ResourceDefinition): string | undefined {
  const apiVersion = textAt(raw, 'apiVersion')
  const kind = textAt(raw, 'kind')
  if (apiVersion !== '' && apiVersion !== groupVersion(definition)) {
    return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`
  }
  if (kind === '' || kind === definition.kind) return undefined
  const target = PACKAGES[definition.group] ?? definition.group.split('.')[0]
  return `converting (v1.${kind}) to (${target}.${definition.kind}): unknown conversion`
}

function customKindProblem(
  raw: Fields,
  definition: ResourceDefinition,
  patch: string | undefined,
): ApiError | string | undefined {
  const wanted = groupVersion(definition)
  const apiVersion = textAt(raw, 'apiVersion')
  const kind = textAt(raw, 'kind')
  if (apiVersion === wanted && kind === definition.kind) return undefined
  if (patch === undefined) {
    return apiVersion === wanted
      ? `the kind in the data (${kind}) does not match the expected kind (${definition.kind})`
      : badRequest(
          `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
        )
  }
  if (kind === '') return `Object 'Kind' is missing in '${patch}'`
  const [field, value, must] =
    apiVersion === wanted ? ['kind', kind, definition.kind] : ['apiVersion', apiVersion, wanted]
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : ''
  return invalid({ group, kind }, textAt(raw['metadata'], 'name'), [
    invalidValue(field, value, `must be ${must}`),
  ])
}
