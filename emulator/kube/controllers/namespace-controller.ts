import { BACKGROUND } from '../operations/delete-options.ts'
import { removeObject } from '../operations/remove.ts'
import type { World } from '../world.ts'

import type { Later } from './later.ts'

const NAMESPACES = { plural: 'namespaces', group: '' }

/** Deletes what is in a namespace that is being deleted, and the namespace once it is empty. */
export function emptyNamespaces(world: World, later: Later): () => void {
  const unsubscribers = [
    world.database.store(NAMESPACES).subscribe(({ type, key, object }) => {
      if (type === 'MODIFIED' && object.metadata.deletionTimestamp !== undefined)
        later(() => emptyNamespace(world, key))
    }),
  ]
  world.database.onStore((_name, store) => {
    unsubscribers.push(
      store.subscribe(({ type, object }) => {
        const { namespace } = object.metadata
        if (type !== 'DELETED' || namespace === undefined) return
        if (isTerminating(world, namespace)) later(() => emptyNamespace(world, namespace))
      }),
    )
  })
  return () => {
    for (const unsubscribe of unsubscribers) unsubscribe()
  }
}

function isTerminating(world: World, name: string): boolean {
  return world.database.store(NAMESPACES).get(name)?.metadata.deletionTimestamp !== undefined
}

function emptyNamespace(world: World, name: string): void {
  const namespace = world.database.store(NAMESPACES).get(name)
  if (namespace === undefined || !isTerminating(world, name)) return
  let left = 0
  for (const definition of world.registry.stored()) {
    if (!definition.namespaced) continue
    const store = world.database.store(definition)
    for (const key of store.keysFrom(`${name}/`, '')) {
      const object = store.get(key)
      if (object === undefined) continue
      if (object.metadata.deletionTimestamp === undefined) {
        removeObject(world, definition, { namespace: name, name: object.metadata.name }, BACKGROUND)
      }
      if (store.get(key) !== undefined) left += 1
    }
  }
  if (left > 0) return
  finalize(world, name)
}

/** The namespace controller takes its own finalizer out of `spec`, and that ends the namespace. */
function finalize(world: World, name: string): void {
  const store = world.database.store(NAMESPACES)
  const namespace = store.get(name)
  if (namespace === undefined) return
  const finalized = { ...namespace, spec: {} }
  if ((namespace.metadata.finalizers ?? []).length > 0) {
    if (Object.keys(namespace['spec'] ?? {}).length > 0) store.put(finalized)
    return
  }
  store.remove(name)
}
