import { sameJson } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { BACKGROUND } from '../operations/delete-options.ts'
import { removeObject } from '../operations/remove.ts'
import { updateObject } from '../operations/update.ts'
import { ownWrite } from '../operations/write-options.ts'
import { customResources } from '../resources/custom-resource.ts'
import { establishedStatus, isEstablished } from '../strategies/custom-resource-definition.ts'
import type { World } from '../world.ts'
import { builtinResource, timestamp } from '../world.ts'
import type { Later } from './later.ts'

const CRDS = { plural: 'customresourcedefinitions', group: 'apiextensions.k8s.io' }
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io'

/** Serves the kinds of CustomResourceDefinitions from the moment they are established, until they are deleted. */
export function establishDefinitions(world: World, later: Later): () => void {
  return world.database.store(CRDS).subscribe(({ type, key, object }) => {
    if (type === 'DELETED') {
      world.registry.withdraw(key)
      return
    }
    if (object.metadata.deletionTimestamp !== undefined) later(() => finishDefinition(world, key))
    else if (isEstablished(object)) world.registry.serve(key, customResources(object))
    else later(() => establishDefinition(world, key))
    if (isEstablished(object) && !namesAreCurrent(object)) later(() => establishDefinition(world, key))
  })
}

function namesAreCurrent(definition: KubeObject): boolean {
  const status = definition['status'] as { acceptedNames?: unknown } | undefined
  const spec = definition['spec'] as { names?: unknown } | undefined
  return sameJson(status?.acceptedNames, spec?.names)
}

/** Writes the status of a definition that has just come and begins to serve it. */
export function establishDefinition(world: World, name: string): void {
  const definition = builtinResource(CRDS.plural, CRDS.group)
  if (world.database.store(CRDS).get(name) === undefined) return
  updateObject(world, definition, {
    namespace: '',
    name,
    options: ownWrite('kube-apiserver', 'status'),
    next: (current) => ({
      ...current,
      status: { ...(current['status'] as object), ...establishedStatus(current, timestamp(world.clock)) },
    }),
  })
  updateObject(world, definition, {
    namespace: '',
    name,
    options: ownWrite('kube-apiserver'),
    next(current) {
      const finalizers = current.metadata.finalizers ?? []
      return finalizers.includes(CLEANUP)
        ? current
        : { ...current, metadata: { ...current.metadata, finalizers: [...finalizers, CLEANUP] } }
    },
  })
}

/** A deleted definition goes after all its objects. */
function finishDefinition(world: World, name: string): void {
  const crd = world.database.store(CRDS).get(name)
  if (crd === undefined) return
  const [resource] = customResources(crd)
  const store = resource === undefined ? undefined : world.database.store(resource)
  if (resource !== undefined && store !== undefined) {
    for (const key of store.keys()) {
      const object = store.get(key)
      if (object === undefined || object.metadata.deletionTimestamp !== undefined) continue
      const { namespace = '' } = object.metadata
      removeObject(world, resource, { namespace, name: object.metadata.name }, BACKGROUND)
    }
    if (store.size > 0) {
      const unsubscribe = store.subscribe(() => {
        if (store.size > 0) return
        unsubscribe()
        queueMicrotask(() => finishDefinition(world, name))
      })
      return
    }
  }
  updateObject(world, builtinResource(CRDS.plural, CRDS.group), {
    namespace: '',
    name,
    options: ownWrite('kube-apiserver'),
    next: (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        finalizers: (current.metadata.finalizers ?? []).filter((each) => each !== CLEANUP),
      },
    }),
  })
}
