import { ApiError, forbidden, notFound } from '../api-error.ts'
import type { Fields } from '../json.ts'
import { fieldsAt, listAt, textAt, valueAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ResourceDefinition } from '../resources/resource-definition.ts'
import { withDefaultTolerations } from '../strategies/pod-tolerations.ts'
import type { World } from '../world.ts'
import { findObject } from '../world.ts'
import { nameSuffix } from './generated.ts'

/**
 * What the admission plugins of a plain cluster do at creation: the namespace must be there and stay, and
 * a pod gets its service account, that account's token volume and the default tolerations.
 */
export function admitCreate(world: World, definition: ResourceDefinition, object: KubeObject): KubeObject {
  const { namespace } = object.metadata
  if (definition.namespaced && namespace !== undefined) admitNamespace(world, definition, object, namespace)
  return definition.plural === 'pods' && definition.group === ''
    ? admitPod(world, definition, object)
    : object
}

function admitNamespace(
  world: World,
  definition: ResourceDefinition,
  object: KubeObject,
  name: string,
): void {
  const namespace = findObject(world, 'namespaces', name)
  if (namespace === undefined) throw notFound({ group: '', plural: 'namespaces' }, name)
  if (namespace.metadata.deletionTimestamp === undefined) return
  const error = forbidden(
    definition,
    object.metadata.name,
    `unable to create new content in namespace ${name} because it is being terminated`,
  )
  throw new ApiError(403, 'Forbidden', error.message, {
    ...error.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${name} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  })
}

const ACCOUNT_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

function admitPod(world: World, definition: ResourceDefinition, pod: KubeObject): KubeObject {
  const spec: Fields = { ...fieldsAt(pod, 'spec') }
  const name = textAt(spec, 'serviceAccountName') || 'default'
  const account = findObject(world, 'serviceaccounts', `${pod.metadata.namespace ?? ''}/${name}`)
  if (account === undefined) {
    throw forbidden(
      definition,
      pod.metadata.name,
      `error looking up service account ${pod.metadata.namespace ?? ''}/${name}: serviceaccount "${name}" not found`,
    )
  }
  spec['serviceAccountName'] = name
  spec['serviceAccount'] = name
  if ((spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken']) !== false)
    mountToken(world, spec)
  spec['tolerations'] = withDefaultTolerations(listAt(spec, 'tolerations'))
  spec['priority'] ??= 0
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority'
  return { ...pod, spec }
}

function mountToken(world: World, spec: Fields): void {
  const volume = `kube-api-access-${nameSuffix(world.clock)}`
  const unmounted = (container: unknown): boolean =>
    !listAt(container, 'volumeMounts').some((each) => textAt(each, 'mountPath') === ACCOUNT_MOUNT)
  let used = false
  for (const list of ['containers', 'initContainers']) {
    if (valueAt(spec, list) === undefined) continue
    spec[list] = listAt(spec, list).map((container) => {
      if (!unmounted(container)) return container
      used = true
      const mount = { name: volume, readOnly: true, mountPath: ACCOUNT_MOUNT }
      return { ...(container as Fields), volumeMounts: [...listAt(container, 'volumeMounts'), mount] }
    })
  }
  if (used) spec['volumes'] = [...listAt(spec, 'volumes'), tokenVolume(volume)]
}

function tokenVolume(name: string): Fields {
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: {
        items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
      },
    },
  ]
  return { name, projected: { defaultMode: 0o644, sources } }
}
