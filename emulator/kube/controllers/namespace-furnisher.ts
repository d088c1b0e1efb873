import type { KubeObject } from '../kube-object.ts'
import { createObject } from '../operations/create.ts'
import { ownWrite } from '../operations/write-options.ts'
import type { World } from '../world.ts'
import { builtinResource, findObject } from '../world.ts'

/** Puts the default service account and the CA bundle into every new namespace. */
export function furnishNamespaces(world: World, caPem: string): () => void {
  const create = (plural: string, namespace: string, object: object): void => {
    createObject(world, builtinResource(plural), object as KubeObject, {
      namespace,
      options: ownWrite('kube-controller-manager'),
    })
  }
  return world.database.store({ plural: 'namespaces', group: '' }).subscribe(({ type, object }) => {
    const { name } = object.metadata
    if (type !== 'ADDED' || object.metadata.deletionTimestamp !== undefined) return
    if (findObject(world, 'serviceaccounts', `${name}/default`) !== undefined) return
    create('serviceaccounts', name, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    })
    create('configmaps', name, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-root-ca.crt' },
      data: { 'ca.crt': caPem },
    })
  })
}
