import { alreadyExists, badRequest, invalid, unexplained } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { isFields, textAt, withValue } from '../json.ts'
import type { KubeObject, ObjectMeta } from '../kube-object.ts'
import { keyOf } from '../kube-object.ts'
import { trackUpdate, withManagers } from '../managed-fields/update-tracking.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { World } from '../world.ts'
import { storeOf, timestamp } from '../world.ts'
import { admitCreate } from './admission.ts'
import { nameSuffix, newUid } from './generated.ts'
import { createProblems, warnFinalizers } from './object-problems.ts'
import type { WriteOptions } from './write-options.ts'

/** A generated name that is taken is tried again this often. */
const NAME_TRIES = 8

/**
 * Stores a new object.
 * @param namespace of the request; empty for cluster-scoped kinds.
 * @throws ApiError 400, 403, 404, 409 or 422 as the API server does.
 */
export function createObject(
  world: World,
  definition: ResourceDefinition,
  object: KubeObject,
  request: { readonly namespace: string; readonly options: WriteOptions },
): KubeObject {
  const { options } = request
  if (textAt(object.metadata, 'resourceVersion') !== '') {
    throw unexplained('resourceVersion should not be set on objects to be created')
  }
  const named = withNewMetadata(world, definition, object, request.namespace)
  const { strategy } = definition
  const filled = tracked(strategy.defaults?.(named) ?? named, definition, options)
  const admitted = admitCreate(world, definition, filled)
  const prepared = strategy.prepareCreate?.(admitted, admitted.metadata.creationTimestamp) ?? admitted
  const problems = createProblems(prepared, definition, options.warn)
  if (problems.length > 0) throw invalid(definition, prepared.metadata.name, problems)
  warnFinalizers(prepared, undefined, definition, options)
  const store = storeOf(world, definition)
  const present = store.get(keyOf(prepared.metadata))
  if (present !== undefined) {
    const isLeaving = present.metadata.deletionTimestamp !== undefined
    throw alreadyExists(definition, prepared.metadata.name, isLeaving)
  }
  const created = isFields(prepared.metadata.managedFields?.[0])
    ? prepared
    : tracked(prepared, definition, options)
  return options.dryRun ? created : store.put(created)
}

/** The creator manages what it wrote and the defaults, not what admission adds or the status. */
function tracked(object: KubeObject, definition: ResourceDefinition, options: WriteOptions): KubeObject {
  if (isFields(object.metadata.managedFields?.[0])) return object
  const owned = definition.statusSubresource ? withValue(object, ['status'], undefined) : object
  const writer = { manager: options.manager, time: object.metadata.creationTimestamp }
  return withManagers(object, trackUpdate(undefined, owned, definition, writer))
}

function withNewMetadata(
  world: World,
  definition: ResourceDefinition,
  object: KubeObject,
  namespace: string,
): KubeObject {
  const given: Fields = { ...object.metadata }
  const stated = textAt(given, 'namespace')
  if (definition.namespaced && stated !== '' && stated !== namespace) {
    throw badRequest(`the namespace of the provided object does not match the namespace sent on the request`)
  }
  for (const field of ['deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation'])
    delete given[field]
  const generateName = textAt(given, 'generateName')
  const name = textAt(given, 'name') || generatedName(world, definition, generateName, namespace)
  const metadata: ObjectMeta = {
    ...(given as unknown as ObjectMeta),
    name,
    uid: newUid(world.clock),
    creationTimestamp: timestamp(world.clock),
    ...(definition.generation ? { generation: 1 } : {}),
    ...(definition.namespaced ? { namespace } : {}),
  }
  return { ...object, metadata }
}

function generatedName(
  world: World,
  definition: ResourceDefinition,
  prefix: string,
  namespace: string,
): string {
  if (prefix === '') return ''
  const store = storeOf(world, definition)
  let name = ''
  for (let tries = 0; tries < NAME_TRIES; tries += 1) {
    name = `${prefix.slice(0, 58)}${nameSuffix(world.clock)}`
    if (store.get(keyOf({ namespace, name })) === undefined) break
  }
  return name
}
