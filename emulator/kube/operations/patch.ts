import { ApiError, badRequest, invalid, notFound, unexplained, unsupportedMediaType } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, isFields, isList, textAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { keyOf } from '../kube-object.ts'
import { applyConfiguration } from '../managed-fields/server-side-apply.ts'
import { typedProblem } from '../managed-fields/typed-value.ts'
import { JsonPatchError, jsonPatch, MOST_OPERATIONS } from '../patch/json-patch.ts'
import { mergePatch } from '../patch/merge-patch.ts'
import { strategicMerge } from '../patch/strategic-merge.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'
import { decodeBuiltin } from '../validation/decode-builtin.ts'
import { pruneCustom } from '../validation/decode-custom.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { forbiddenField, required } from '../validation/field-problem.ts'
import type { World } from '../world.ts'
import { storeOf, timestamp } from '../world.ts'
import { createObject } from './create.ts'
import { decodeObject } from './decode.ts'
import { checkPlace } from './object-place.ts'
import { updateObject } from './update.ts'
import type { WriteOptions } from './write-options.ts'

const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'
const APPLY_PATCH = 'application/apply-patch+yaml'

const ALL_TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH]

export interface PatchRequest {
  readonly namespace: string
  readonly name: string
  readonly mediaType: string
  /** The parsed body. */
  readonly patch: unknown
  readonly force: string | null
  readonly hasManager: boolean
  readonly options: WriteOptions
}

function patchTypes(definition: ResourceDefinition): readonly string[] {
  return definition.custom
    ? [JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    : [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH]
}

/** PATCH in all its kinds. @returns the object, and whether server-side apply has created it. */
export function patchObject(
  world: World,
  definition: ResourceDefinition,
  request: PatchRequest,
): { readonly object: KubeObject; readonly created: boolean } {
  if (!definition.custom && !ALL_TYPES.includes(request.mediaType)) {
    // The router refuses what no built-in kind takes, in words of its own.
    throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
  }
  if (!patchTypes(definition).includes(request.mediaType)) throw unsupportedMediaType(patchTypes(definition))
  checkOptions(request)
  if (request.mediaType === APPLY_PATCH) return apply(world, definition, request)
  const { namespace, name, options } = request
  const object = updateObject(world, definition, {
    namespace,
    name,
    options,
    isPatch: true,
    next: (current) => {
      const patched = patchedBy(current, definition, request)
      if (!isFields(patched)) throw badRequest('the patch does not leave an object')
      const decoded = decodeObject(patched, definition, { ...options, patch: JSON.stringify(patched) })
      checkPlace(decoded, request)
      return decoded
    },
  })
  return { object, created: false }
}

function checkOptions(request: PatchRequest): void {
  const problems: FieldProblem[] = []
  if (request.mediaType === APPLY_PATCH) {
    if (!request.hasManager) problems.push(required('fieldManager', 'is required for apply patch'))
  } else if (request.force !== null) {
    problems.push(forbiddenField('force', 'may not be specified for non-apply patch'))
  }
  if (problems.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', problems)
}

function patchedBy(current: KubeObject, definition: ResourceDefinition, request: PatchRequest): unknown {
  const { patch, mediaType } = request
  if (mediaType === JSON_PATCH) return patchedByOperations(current, patch)
  if (patch === null && mediaType === MERGE_PATCH) throw badRequest('Invalid JSON Patch')
  if (!isFields(patch)) {
    const found = isList(patch) ? 'array' : typeof patch
    const problem = `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`
    throw badRequest(mediaType === MERGE_PATCH ? `error decoding patch: ${problem}` : problem)
  }
  if (mediaType === MERGE_PATCH) return mergePatch(current, patch)
  return strategicMerge(current, patch, definition.schema)
}

function patchedByOperations(current: KubeObject, patch: unknown): unknown {
  if (patch === null) return current
  if (!isList(patch)) {
    const found = isFields(patch) ? 'object' : typeof patch
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    )
  }
  if (patch.length > MOST_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`
    throw new ApiError(413, 'RequestEntityTooLarge', message)
  }
  try {
    return jsonPatch(current, patch)
  } catch (thrown) {
    if (!(thrown instanceof JsonPatchError)) throw thrown
    throw new ApiError(422, 'Invalid', `the server rejected our request due to an error in our request`, {})
  }
}

function apply(
  world: World,
  definition: ResourceDefinition,
  request: PatchRequest,
): { readonly object: KubeObject; readonly created: boolean } {
  const { namespace, name, options } = request
  const config = typedConfig(definition, request)
  const live = storeOf(world, definition).get(keyOf(request))
  const writer = {
    manager: options.manager,
    time: timestamp(world.clock),
    ...(options.subresource === '' ? {} : { subresource: options.subresource }),
  }
  const merge = (current: KubeObject | undefined): KubeObject => {
    const application = { live: current, config, definition, writer, force: request.force === 'true' }
    return decodeObject(applyConfiguration(application), definition, {
      ...options,
      fieldValidation: 'Ignore',
    })
  }
  if (live === undefined) {
    if (options.subresource !== '') throw notFound(definition, name)
    return {
      object: createObject(world, definition, merge(undefined), { namespace, options }),
      created: true,
    }
  }
  const update = { namespace, name, options, managed: true, isPatch: true, next: merge }
  const object = updateObject(world, definition, update)
  return { object, created: false }
}

/** The applied configuration: of this kind and name, and without a field that the schema does not have. */
function typedConfig(definition: ResourceDefinition, request: PatchRequest): Fields {
  const { patch, name, namespace } = request
  if (!isFields(patch)) {
    const found = isList(patch) ? 'array' : typeof patch
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${found} into Go value of type map[string]interface {}`,
    )
  }
  checkConfig(patch, definition, name)
  const place = namespace === '' ? {} : { namespace }
  const given = { ...patch, metadata: { ...fieldsAt(patch, 'metadata'), name, ...place } }
  const what = `${textAt(patch, 'metadata', 'namespace')}/${name}; ${definition.group}/${definition.version}, Kind=${definition.kind}`
  const refuse = (why: string): ApiError =>
    unexplained(`failed to create typed patch object (${what}): ${why}`)
  const untyped = typedProblem(given, definition.schema)
  if (untyped !== undefined) throw refuse(untyped)
  const decoded = definition.custom
    ? pruneCustom(given, definition.schema, true)
    : decodeBuiltin(given, definition.schema, definition.kind, true)
  const [unknown] = decoded.unknown
  if (unknown !== undefined) throw refuse(`.${unknown}: field not declared in schema`)
  if (decoded.mismatch !== undefined) throw refuse(decoded.mismatch)
  return decoded.value as Fields
}

function checkConfig(config: Fields, definition: ResourceDefinition, name: string): void {
  const apiVersion = textAt(config, 'apiVersion')
  const kind = textAt(config, 'kind')
  if (apiVersion !== groupVersion(definition) || kind !== definition.kind) {
    const full = apiVersion.includes('/') ? apiVersion : `/${apiVersion}`
    throw badRequest(`invalid object type: ${full}, Kind=${kind}`)
  }
  const metadata = fieldsAt(config, 'metadata')
  if (metadata['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil')
  const given = textAt(metadata, 'name')
  if (given !== '' && given !== name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`)
  }
}
