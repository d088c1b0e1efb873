/** One kind of object as podid reads it: where it is and what is kept of it. */
export interface ResourceSpec<T> {
  /** Plural for logs and metrics, such as `pods`. */
  readonly name: string
  /** Path of the collection over all namespaces, such as `/api/v1/pods`. */
  readonly path: string
  /** The store's key: `namespace/name`, or the name alone for objects without a namespace. */
  keyOf(object: T): string
  /** The kept fields; undefined only when the object has no name. Never throws. */
  project(raw: unknown): T | undefined
}

/** Path of the collection in one namespace; of all namespaces when none is given. */
export function collectionPath(spec: Pick<ResourceSpec<unknown>, 'path'>, namespace?: string): string {
  if (namespace === undefined || namespace === '') return spec.path
  const cut = spec.path.lastIndexOf('/')
  return `${spec.path.slice(0, cut)}/namespaces/${encodeURIComponent(namespace)}${spec.path.slice(cut)}`
}

/** Path of one object. */
export function objectPath(
  spec: Pick<ResourceSpec<unknown>, 'path'>,
  namespace: string,
  name: string,
): string {
  return `${collectionPath(spec, namespace)}/${encodeURIComponent(name)}`
}
