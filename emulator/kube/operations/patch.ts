import { ApiError, badRequest, invalid, notFound, unexplained, unsupportedMediaType } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, isFields, isList, textAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { keyOf } from '../kube-object.ts'
import { applyConfiguration } from '../managed-fields/server-side-apply.ts'
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
import { updateObject } from './update.ts'
import type { WriteOptions } from './write-options.ts'

const JSON_PATCH = 'application/json-patch+json'
const MERGE_PATCH = 'application/merge-patch+json'
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'
const APPLY_PATCH = 'application/apply-patch+yaml'

export interface PatchRequest {
  readonly namespace: string
  readonly name: string
  readonly mediaType: string
  /** The parsed body, and its text for messages. */
  readonly patch: unknown
  readonly text: string
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
  if (!patchTypes(definition).includes(request.mediaType)) throw unsupportedMediaType(patchTypes(definition))
  checkOptions(request)
  if (request.mediaType === APPLY_PATCH) return apply(world, definition, request)
  const { namespace, name, options } = request
  const object = updateObject(world, definition, {
    namespace,
    name,
    options,
    next: (current) => {
      const patched = patchedBy(current, definition, request)
      if (!isFields(patched)) throw badRequest('the patch does not leave an object')
      return decodeObject(patched, definition, { ...options, patch: request.text })
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
  if (!isFields(patch)) throw badRequest('error decoding patch: the patch is not an object')
  if (mediaType === MERGE_PATCH) return mergePatch(current, patch)
  return strategicMerge(current, patch, definition.schema)
}

function patchedByOperations(current: KubeObject, patch: unknown): unknown {
  if (!isList(patch))
    throw badRequest(
      'error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch',
    )
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
    return applyConfiguration(application) as unknown as KubeObject
  }
  if (live === undefined) {
    if (options.subresource !== '') throw notFound(definition, name)
    return {
      object: createObject(world, definition, merge(undefined), { namespace, options }),
      created: true,
    }
  }
  const object = updateObject(world, definition, { namespace, name, options, managed: true, next: merge })
  return { object, created: false }
}

/** The applied configuration: of this kind and name, and without a field that the schema does not have. */
function typedConfig(definition: ResourceDefinition, request: PatchRequest): Fields {
  const { patch, name, namespace } = request
  if (!isFields(patch)) throw badRequest('error decoding YAML: the body is not an object')
  checkConfig(patch, definition, name)
  const place = namespace === '' ? {} : { namespace }
  const given = { ...patch, metadata: { ...fieldsAt(patch, 'metadata'), name, ...place } }
  const decoded = definition.custom
    ? pruneCustom(given, definition.schema)
    : decodeBuiltin(given, definition.schema)
  const [unknown] = decoded.unknown
  const what = `${keyOf({ name, ...place })}; ${groupVersion(definition)}, Kind=${definition.kind}`
  const problem = unknown === undefined ? decoded.mismatch : `.${unknown}: field not declared in schema`
  if (problem !== undefined) throw unexplained(`failed to create typed patch object (${what}): ${problem}`)
  return decoded.value as Fields
}

function checkConfig(config: Fields, definition: ResourceDefinition, name: string): void {
  const wanted = groupVersion(definition)
  const apiVersion = textAt(config, 'apiVersion')
  const kind = textAt(config, 'kind')
  if (apiVersion !== wanted || kind !== definition.kind) {
    throw badRequest(
      `invalid object type: ${apiVersion}, Kind=${kind}: must be ${wanted}, Kind=${definition.kind}`,
    )
  }
  const metadata = fieldsAt(config, 'metadata')
  if (metadata['managedFields'] !== undefined) throw badRequest('metadata.managedFields must be nil')
  const given = textAt(metadata, 'name')
  if (given !== '' && given !== name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`)
  }
}
