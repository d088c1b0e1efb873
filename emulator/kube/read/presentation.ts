import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { groupVersion } from '../resources/resource-definition.ts'

/** Serialised objects without their kind; an object is never changed, so its text stays right. */
const bodies = new WeakMap<KubeObject, string>()

function bodyOf(object: KubeObject): string {
  const known = bodies.get(object)
  if (known !== undefined) return known
  const { apiVersion: _version, kind: _kind, ...rest } = object
  const text = JSON.stringify(rest)
  bodies.set(object, text)
  return text
}

function head(definition: ResourceDefinition): string {
  const apiVersion = JSON.stringify(groupVersion(definition))
  const kind = JSON.stringify(definition.kind)
  return definition.custom
    ? `"apiVersion":${apiVersion},"kind":${kind}`
    : `"kind":${kind},"apiVersion":${apiVersion}`
}

/** An object as a single answer or in a watch event. */
export function objectText(object: KubeObject, definition: ResourceDefinition): string {
  return `{${head(definition)},${bodyOf(object).slice(1)}`
}

/** An object as an item of a list: built-in kinds do not repeat their kind there, custom ones do. */
function itemText(object: KubeObject, definition: ResourceDefinition): string {
  return definition.custom ? objectText(object, definition) : bodyOf(object)
}

export interface ListMeta {
  readonly resourceVersion: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

export function listText(
  items: readonly KubeObject[],
  definition: ResourceDefinition,
  metadata: ListMeta,
): string {
  const texts = items.map((each) => itemText(each, definition)).join(',')
  const kind = JSON.stringify(definition.listKind)
  const apiVersion = JSON.stringify(groupVersion(definition))
  return definition.custom
    ? `{"apiVersion":${apiVersion},"items":[${texts}],"kind":${kind},"metadata":${JSON.stringify({ continue: '', ...metadata })}}\n`
    : `{"kind":${kind},"apiVersion":${apiVersion},"metadata":${JSON.stringify(metadata)},"items":[${texts}]}\n`
}

/** The object with its kind and version as the definition serves it. */
export function presented(object: KubeObject, definition: ResourceDefinition): KubeObject {
  return { ...object, apiVersion: groupVersion(definition), kind: definition.kind }
}
