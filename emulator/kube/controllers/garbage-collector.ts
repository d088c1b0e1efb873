import type { KubeObject } from '../kube-object.ts'
import { BACKGROUND } from '../operations/delete-options.ts'
import { removeObject } from '../operations/remove.ts'
import { updateObject } from '../operations/update.ts'
import { ownWrite } from '../operations/write-options.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import type { StoreEvent } from '../storage/event-history.ts'
import type { World } from '../world.ts'
import type { Later } from './later.ts'

interface Dependent {
  readonly storeName: string
  readonly key: string
}

/**
 * Follows `ownerReferences`: dependents go with their last owner (background), before it (foreground), or
 * are let go (orphan).
 */
export function collectGarbage(world: World, later: Later): () => void {
  const dependents = new Map<string, Map<string, Dependent>>()
  const unsubscribers: (() => void)[] = []
  /** Owners that wait for their dependents (foreground), by uid. */
  const waitingOwners = new Map<string, Dependent>()
  const dependentsOf = (uid: string): readonly Dependent[] => [...(dependents.get(uid)?.values() ?? [])]
  const forget = (object: KubeObject, id: string): void => {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const known = dependents.get(uid)
      if (known?.delete(id) === true && known.size === 0) dependents.delete(uid)
    }
  }
  const remember = (object: KubeObject, dependent: Dependent, id: string): void => {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const known = dependents.get(uid) ?? new Map<string, Dependent>()
      dependents.set(uid, known.set(id, dependent))
    }
  }
  const finishLater = (uid: string, owner: Dependent | undefined): void => {
    if (owner !== undefined) later(() => finish(world, owner, dependentsOf(uid)))
  }
  const gone = ({ object }: StoreEvent): void => {
    const { uid, ownerReferences = [] } = object.metadata
    waitingOwners.delete(uid)
    if (dependents.has(uid)) later(() => release(world, uid, dependentsOf(uid)))
    // An owner that waited for this dependent may go now.
    for (const reference of ownerReferences) finishLater(reference.uid, waitingOwners.get(reference.uid))
  }
  const follow = (storeName: string, event: StoreEvent): void => {
    const { type, key, object, previous } = event
    const id = `${storeName} ${key}`
    if (previous !== undefined) forget(previous, id)
    if (type === 'DELETED') {
      gone(event)
      return
    }
    remember(object, { storeName, key }, id)
    if (type === 'ADDED' || !waitsForDependents(object)) return
    waitingOwners.set(object.metadata.uid, { storeName, key })
    finishLater(object.metadata.uid, { storeName, key })
  }
  world.database.onStore((name, store) => {
    unsubscribers.push(store.subscribe((event) => follow(name, event)))
  })
  return () => {
    for (const unsubscribe of unsubscribers) unsubscribe()
  }
}

function waitsForDependents(object: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = object.metadata
  return (
    deletionTimestamp !== undefined &&
    (finalizers.includes('foregroundDeletion') || finalizers.includes('orphan'))
  )
}

function definitionOf(world: World, storeName: string): ResourceDefinition | undefined {
  return world.registry.stored().find((each) => `${each.plural}.${each.group}` === storeName)
}

function objectOf(
  world: World,
  dependent: Dependent,
): { definition: ResourceDefinition; object: KubeObject } | undefined {
  const definition = definitionOf(world, dependent.storeName)
  const object = definition === undefined ? undefined : world.database.store(definition).get(dependent.key)
  return definition === undefined || object === undefined ? undefined : { definition, object }
}

function remove(world: World, definition: ResourceDefinition, object: KubeObject): void {
  if (object.metadata.deletionTimestamp !== undefined) return
  const { namespace = '', name } = object.metadata
  removeObject(world, definition, { namespace, name }, BACKGROUND)
}

/** The owner is gone: who has no other owner goes too, the others lose the reference. */
function release(world: World, uid: string, dependents: readonly Dependent[]): void {
  for (const dependent of dependents) {
    const found = objectOf(world, dependent)
    if (found === undefined) continue
    const others = (found.object.metadata.ownerReferences ?? []).filter((each) => each.uid !== uid)
    if (others.length === 0) remove(world, found.definition, found.object)
    else dropReference(world, found, uid)
  }
}

function dropReference(
  world: World,
  found: { definition: ResourceDefinition; object: KubeObject },
  uid: string,
): void {
  const { namespace = '', name } = found.object.metadata
  updateObject(world, found.definition, {
    namespace,
    name,
    options: ownWrite('kube-controller-manager'),
    next: (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        ownerReferences: (current.metadata.ownerReferences ?? []).filter((each) => each.uid !== uid),
      },
    }),
  })
}

/** An owner that waits for its dependents (foreground), or for letting them go (orphan). */
function finish(world: World, owner: Dependent, dependents: readonly Dependent[]): void {
  const found = objectOf(world, owner)
  if (found === undefined) return
  const { uid, finalizers = [], namespace = '', name } = found.object.metadata
  const orphan = finalizers.includes('orphan')
  let blocked = false
  for (const dependent of dependents) {
    const each = objectOf(world, dependent)
    if (each === undefined) continue
    if (orphan) {
      dropReference(world, each, uid)
      continue
    }
    remove(world, each.definition, each.object)
    const reference = each.object.metadata.ownerReferences?.find((one) => one.uid === uid)
    if (reference?.blockOwnerDeletion === true && objectOf(world, dependent) !== undefined) blocked = true
  }
  if (blocked) return
  updateObject(world, found.definition, {
    namespace,
    name,
    options: ownWrite('kube-controller-manager'),
    next: (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        finalizers: (current.metadata.finalizers ?? []).filter(
          (each) => each !== 'orphan' && each !== 'foregroundDeletion',
        ),
      },
    }),
  })
}
