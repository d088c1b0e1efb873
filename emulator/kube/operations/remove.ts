import { ApiError, forbidden, notFound } from '../api-error.ts'
import { textAt, valueAt } from '../json.ts'
import type { KubeObject, ObjectMeta } from '../kube-object.ts'
import { keyOf, withMetadata } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { World } from '../world.ts'
import { storeOf, timestamp } from '../world.ts'
import type { DeleteOptions } from './delete-options.ts'
import { isFinished } from './update.ts'

export interface Removal {
  readonly object: KubeObject
  /** False while finalizers or a grace period hold the object. */
  readonly gone: boolean
}

/**
 * Deletes one object, at once or by marking it: a pod on a node gets its grace period, and finalizers hold
 * everything.
 * @throws ApiError 404 when there is none, 409 when a precondition fails.
 */
export function removeObject(
  world: World,
  definition: ResourceDefinition,
  key: { readonly namespace: string; readonly name: string },
  options: DeleteOptions,
): Removal {
  const store = storeOf(world, definition)
  const current = store.get(keyOf(key))
  if (current === undefined) throw notFound(definition, key.name)
  checkPreconditions(current, definition, options)
  admitRemoval(definition, key.name)
  const graceSeconds = gracePeriod(current, definition, options)
  const finalizers = finalizersAfter(current, definition, options)
  const marked = markDeleted(world, current, graceSeconds, finalizers)
  const gone = isFinished(marked)
  if (options.dryRun) return { object: marked, gone }
  if (gone) {
    const resourceVersion = store.remove(keyOf(key))?.metadata.resourceVersion ?? ''
    return { object: withMetadata(marked, { resourceVersion }), gone }
  }
  return { object: marked === current ? current : store.put(marked), gone }
}

const IMMORTAL = ['default', 'kube-system', 'kube-public']

function admitRemoval(definition: ResourceDefinition, name: string): void {
  if (definition.plural !== 'namespaces' || definition.group !== '' || !IMMORTAL.includes(name)) return
  throw forbidden(definition, name, 'this namespace may not be deleted')
}

function checkPreconditions(
  current: KubeObject,
  definition: ResourceDefinition,
  options: DeleteOptions,
): void {
  const { uid, resourceVersion } = options.preconditions
  const fail = (why: string): ApiError => {
    const message = `Operation cannot be fulfilled on ${definition.kind}${definition.group === '' ? '' : `.${definition.group}`} "${current.metadata.name}": ${why}`
    return new ApiError(409, 'Conflict', message, {
      name: current.metadata.name,
      ...(definition.group === '' ? {} : { group: definition.group }),
      kind: definition.kind,
    })
  }
  if (uid !== undefined && uid !== current.metadata.uid) {
    throw fail(
      `the UID in the precondition (${uid}) does not match the UID in record (${current.metadata.uid}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
    throw fail(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${current.metadata.resourceVersion}). The object might have been modified`,
    )
  }
}

/** Only pods that run on a node end gracefully; everything else goes at once. */
function gracePeriod(current: KubeObject, definition: ResourceDefinition, options: DeleteOptions): number {
  if (definition.kind !== 'Pod' || definition.group !== '') return 0
  const phase = textAt(current, 'status', 'phase')
  if (textAt(current, 'spec', 'nodeName') === '' || phase === 'Failed' || phase === 'Succeeded') return 0
  const own = valueAt(current, 'spec', 'terminationGracePeriodSeconds')
  const wanted = options.gracePeriodSeconds ?? (typeof own === 'number' ? own : 30)
  return wanted < 0 ? 1 : wanted
}

const ORPHAN = 'orphan'
const FOREGROUND = 'foregroundDeletion'

function finalizersAfter(
  current: KubeObject,
  definition: ResourceDefinition,
  options: DeleteOptions,
): readonly string[] | undefined {
  const before = current.metadata.finalizers
  const rest = (before ?? []).filter((each) => each !== ORPHAN && each !== FOREGROUND)
  const policy = options.propagationPolicy
  // Events are never owners, so the server spares them.
  if (policy === undefined || definition.kind === 'Event') return before
  if (policy === 'Orphan') return [...rest, ORPHAN]
  if (policy === 'Foreground') return [...rest, FOREGROUND]
  return rest
}

function markDeleted(
  world: World,
  current: KubeObject,
  graceSeconds: number,
  finalizers: readonly string[] | undefined,
): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds: before } = current.metadata
  const held = { ...current, metadata: withFinalizers(current.metadata, finalizers) }
  if (deletionTimestamp === undefined)
    return terminating(withMetadata(held, freshMark(world, current, graceSeconds)))
  // Deleted already: only a shorter grace period or other finalizers make a difference.
  if (before === undefined || before <= graceSeconds) {
    return sameList(finalizers, current.metadata.finalizers) ? current : held
  }
  const mark = {
    deletionTimestamp: timestamp(world.clock, graceSeconds),
    deletionGracePeriodSeconds: graceSeconds,
  }
  return withMetadata(held, mark)
}

function freshMark(world: World, current: KubeObject, graceSeconds: number): Partial<ObjectMeta> {
  const { generation } = current.metadata
  return {
    deletionTimestamp: timestamp(world.clock, graceSeconds),
    deletionGracePeriodSeconds: graceSeconds,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  }
}

function withFinalizers(metadata: ObjectMeta, finalizers: readonly string[] | undefined): ObjectMeta {
  const { finalizers: _old, ...rest } = metadata
  return finalizers === undefined || finalizers.length === 0 ? rest : { ...rest, finalizers }
}

function terminating(object: KubeObject): KubeObject {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return object
  const status = typeof object['status'] === 'object' ? object['status'] : {}
  return { ...object, status: { ...status, phase: 'Terminating' } }
}

function sameList(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return (a ?? []).join('\n') === (b ?? []).join('\n')
}
