import { establishDefinition } from './controllers/crd-controller.ts'
import type { Fields } from './json.ts'
import { fieldsAt, isFields, textAt } from './json.ts'
import type { KubeObject, ObjectMeta } from './kube-object.ts'
import { keyOf } from './kube-object.ts'
import { decodeObject } from './operations/decode.ts'
import { newUid } from './operations/generated.ts'
import type { ResourceDefinition } from './resources/resource-definition.ts'
import type { World } from './world.ts'
import { storeOf, timestamp } from './world.ts'

const IGNORE = { fieldValidation: 'Ignore', warn: () => undefined } as const

/** Puts objects straight into the store, and reads them out again. */
export class BulkLoader {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /**
   * Stores objects with the defaults of their kind, status included, new or changed. Definitions of custom
   * resources are served at once. Namespaces that objects name are made.
   * @throws Error for a kind that is not served.
   */
  load(objects: readonly (Fields | KubeObject)[]): void {
    for (const object of objects) this.#put({ ...object })
  }

  #put(raw: Fields): void {
    const apiVersion = textAt(raw, 'apiVersion')
    const definition = this.#world.registry.findKind(apiVersion, textAt(raw, 'kind'))
    if (definition === undefined) throw new Error(`${apiVersion} ${textAt(raw, 'kind')} is not served`)
    const decoded = decodeObject(raw, definition, IGNORE)
    const object = { ...decoded, metadata: this.#metadataOf(decoded, definition) }
    const { strategy } = definition
    const filled = strategy.defaults?.(object) ?? object
    const prepared = decoded['status'] === undefined ? strategy.prepareCreate?.(filled, '') : undefined
    storeOf(this.#world, definition).put(prepared ?? filled)
    if (definition.plural === 'customresourcedefinitions')
      establishDefinition(this.#world, decoded.metadata.name)
  }

  /** What the object brings along, over what is stored, over what a new object gets. */
  #metadataOf(object: KubeObject, definition: ResourceDefinition): ObjectMeta {
    const { namespace: _, ...given } = object.metadata
    const namespace = textAt(object.metadata, 'namespace') || 'default'
    const place = definition.namespaced ? { namespace } : {}
    if (definition.namespaced) this.#ensureNamespace(namespace)
    return {
      uid: newUid(this.#world.clock),
      creationTimestamp: timestamp(this.#world.clock),
      ...(definition.generation ? { generation: 1 } : {}),
      ...storeOf(this.#world, definition).get(keyOf({ name: given.name, ...place }))?.metadata,
      ...(given as Partial<ObjectMeta> & { name: string }),
      ...place,
      resourceVersion: '',
    }
  }

  #ensureNamespace(name: string): void {
    const store = this.#world.database.store({ plural: 'namespaces', group: '' })
    if (store.get(name) === undefined) this.#put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }

  objects(plural: string, group: string): readonly KubeObject[] {
    return [...this.#world.database.store({ plural, group }).values()]
  }

  /** All objects by resource and key, without what differs from run to run. */
  dump(): Fields {
    const state: Fields = {}
    for (const [name, store] of [...this.#world.database.stores()].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const objects: Fields = {}
      for (const key of store.keys()) objects[key] = comparable(store.get(key))
      if (Object.keys(objects).length > 0) state[name] = objects
    }
    return state
  }
}

const VARYING: ReadonlySet<string> = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'managedFields',
  'generation',
])

function comparable(object: KubeObject | undefined): Fields {
  const metadata = Object.fromEntries(
    Object.entries(fieldsAt(object, 'metadata')).filter(([key]) => !VARYING.has(key)),
  )
  return isFields(object) ? { ...object, metadata } : {}
}
