import { conflict, invalid, notFound, STALE, unexplained } from '../api-error.ts'
import { sameJson, textAt } from '../json.ts'
import type { KubeObject, ObjectMeta } from '../kube-object.ts'
import { keyOf, withMetadata } from '../kube-object.ts'
import { sameManagers, trackUpdate, withManagers } from '../managed-fields/update-tracking.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { FieldProblem } from '../validation/field-problem.ts'
import { invalidValue } from '../validation/field-problem.ts'
import type { World } from '../world.ts'
import { storeOf, timestamp } from '../world.ts'
import { foreignUid } from './object-place.ts'
import { updateProblems, warnFinalizers } from './object-problems.ts'
import type { WriteOptions } from './write-options.ts'

export interface Update {
  readonly namespace: string
  readonly name: string
  /** The whole object as the client wants it, made from the stored one. */
  next(current: KubeObject): KubeObject
  readonly options: WriteOptions
  /** The object comes from a patch: another uid in it is an invalid value, not another object. */
  readonly isPatch?: boolean
  /** The managed fields are worked out already (server-side apply). */
  readonly managed?: boolean
}

/**
 * Replaces an object (PUT and every kind of patch). An update that changes nothing is no write.
 * @throws ApiError 404, 409, 422 as the API server does.
 */
export function updateObject(world: World, definition: ResourceDefinition, update: Update): KubeObject {
  const { options, name } = update
  const store = storeOf(world, definition)
  const key = keyOf(update)
  const current = store.get(key)
  if (current === undefined) throw notFound(definition, name)
  const wanted = update.next(current)
  checkIdentity(wanted, current, definition, update.isPatch === true)
  checkDeletion(wanted, current, definition)
  const restored = withRestoredMetadata(wanted, current, definition)
  const prepared = prepare(restored, current, definition, options)
  const problems = updateProblems(prepared, current, definition, options.warn)
  if (problems.length > 0) throw invalid(definition, name, problems)
  warnFinalizers(prepared, current, definition, options)
  const generated = withGeneration(prepared, current, definition)
  const time = timestamp(world.clock)
  const tracked =
    update.managed === true ? generated : withTracking(generated, current, definition, options, time)
  if (isUnchanged(tracked, current)) return current
  if (options.dryRun) return tracked
  if (isFinished(tracked)) {
    // Deleted instead of written: the answer has the version from before.
    store.remove(key)
    return tracked
  }
  return store.put(tracked)
}

function prepare(
  next: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
  options: WriteOptions,
): KubeObject {
  const { strategy } = definition
  if (options.subresource === 'status') return strategy.prepareStatus?.(next, current) ?? next
  const filled = strategy.defaults?.(next) ?? next
  return strategy.prepareUpdate?.(filled, current) ?? filled
}

function checkIdentity(
  wanted: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
  isPatch: boolean,
): void {
  const { name } = current.metadata
  const version = textAt(wanted.metadata, 'resourceVersion')
  if (!/^\d*$/.test(version)) {
    throw unexplained(`strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`)
  }
  if (Number(version) === 0 && !definition.unconditionalUpdate) {
    const problem = invalidValue('metadata.resourceVersion', 0, 'must be specified for an update')
    throw invalid({ group: definition.group, kind: definition.plural }, name, [problem])
  }
  const uid = textAt(wanted.metadata, 'uid')
  if (uid !== '' && uid !== current.metadata.uid) {
    if (isPatch) throw invalid(definition, name, immutable('metadata.uid', uid))
    const place = { namespace: current.metadata.namespace ?? '', name }
    throw foreignUid(definition, place, { wanted: uid, found: current.metadata.uid })
  }
  if (Number(version) !== 0 && version !== current.metadata.resourceVersion) {
    throw conflict(definition, name, STALE)
  }
}

function immutable(field: string, value: string): readonly FieldProblem[] {
  return [invalidValue(field, value, 'field is immutable')]
}

/** Objects are deleted by deleting them. */
function checkDeletion(wanted: KubeObject, current: KubeObject, definition: ResourceDefinition): void {
  const given = textAt(wanted.metadata, 'deletionTimestamp')
  if (given === '' || given === current.metadata.deletionTimestamp) return
  throw invalid(definition, current.metadata.name, immutable('metadata.deletionTimestamp', given))
}

/** An empty list of managers clears them for built-in kinds; custom ones are decoded as if it was not there. */
function isMissing(managers: ObjectMeta['managedFields'], definition: ResourceDefinition): boolean {
  return managers === undefined || (definition.custom && managers.length === 0)
}

/** What a client may leave out, or cannot change, comes from the stored object. */
function withRestoredMetadata(
  wanted: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
): KubeObject {
  const { metadata } = current
  const {
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    generation: _generation,
    selfLink: _link,
    ...given
  } = wanted.metadata as ObjectMeta & { readonly selfLink?: unknown }
  const next: ObjectMeta = {
    ...given,
    name: textAt(wanted.metadata, 'name') || metadata.name,
    ...(metadata.namespace === undefined
      ? {}
      : { namespace: textAt(wanted.metadata, 'namespace') || metadata.namespace }),
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    creationTimestamp: metadata.creationTimestamp,
    ...(metadata.generation === undefined ? {} : { generation: metadata.generation }),
    ...deletionOf(metadata),
    ...(isMissing(given.managedFields, definition) && metadata.managedFields !== undefined
      ? { managedFields: metadata.managedFields }
      : {}),
  }
  return { ...wanted, metadata: next }
}

function deletionOf(metadata: ObjectMeta): Partial<ObjectMeta> {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata
  return {
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  }
}

/** `generation` counts changes of what the user asks for: everything but metadata and, if kept apart, status. */
function withGeneration(next: KubeObject, current: KubeObject, definition: ResourceDefinition): KubeObject {
  if (!definition.generation) return next
  const counted = (object: KubeObject): unknown => {
    const { metadata: _m, status, ...rest } = object
    return definition.statusSubresource ? rest : { ...rest, status }
  }
  if (sameJson(counted(next), counted(current))) return next
  return withMetadata(next, { generation: (current.metadata.generation ?? 0) + 1 })
}

function withTracking(
  next: KubeObject,
  current: KubeObject,
  definition: ResourceDefinition,
  ...[options, time]: [WriteOptions, string]
): KubeObject {
  const subresource = options.subresource === '' ? {} : { subresource: options.subresource }
  const managedFields = trackUpdate(current, next, definition, {
    manager: options.manager,
    time,
    ...subresource,
  })
  return withManagers(next, managedFields)
}

function isUnchanged(next: KubeObject, current: KubeObject): boolean {
  const { managedFields: after, ...nextMetadata } = next.metadata
  const { managedFields: before, ...currentMetadata } = current.metadata
  return (
    sameJson({ ...next, metadata: nextMetadata }, { ...current, metadata: currentMetadata }) &&
    sameManagers(after, before)
  )
}

/** A deleted object goes with its last finalizer, once its grace period is over. */
export function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata
  const held = (finalizers ?? []).length > 0
  const namespaceHeld = object.kind === 'Namespace' && object.apiVersion === 'v1' && !isFinalized(object)
  return deletionTimestamp !== undefined && !held && !namespaceHeld && (deletionGracePeriodSeconds ?? 0) === 0
}

function isFinalized(namespace: KubeObject): boolean {
  const spec = namespace['spec'] as { finalizers?: readonly string[] } | undefined
  return (spec?.finalizers ?? []).length === 0
}
