/** Kubernetes objects of the whole-system tests, as they lie in the API server. */
import { API_GROUP, BINDING_LABEL, GROUP_VERSION } from '../../src/model/names.ts'
import { clientIdOf, identityId } from '../make/objects.ts'
import { NODE } from './system-azure.ts'

type Fields = Record<string, unknown>
export type Manifest = Fields & { readonly kind: string; readonly metadata: Fields }

export const GROUP = API_GROUP

export function podManifest(name: string, selector: string, ip: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      // A young pod: its binding may come a moment after it, as on a slow machine it does.
      creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      labels: selector === '' ? {} : { [BINDING_LABEL]: selector },
    },
    spec: { nodeName: NODE, containers: [{ name: 'app', image: 'example/app' }] },
    status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
  }
}

export function identityManifest(name: string, spec: Fields = {}): Manifest {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'AzureIdentity',
    metadata: { name, namespace: 'default' },
    spec: { type: 0, resourceID: identityId(name), clientID: clientIdOf(name), ...spec },
  }
}

export function bindingManifest(selector: string, identity = selector): Manifest {
  return {
    apiVersion: GROUP_VERSION,
    kind: 'AzureIdentityBinding',
    metadata: { name: selector, namespace: 'default' },
    spec: { azureIdentity: identity, selector },
  }
}

/** A Secret with one value, and what an operator adds so that the node agent may read it. */
export function secretManifests(name: string, value: string): Manifest[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace: 'default' },
      type: 'Opaque',
      data: value === '' ? {} : { ClientSecret: Buffer.from(value).toString('base64') },
    },
  ]
}

/** The right of the node agent to read Secrets of these names, and no others. */
export function secretRights(names: readonly string[]): Manifest[] {
  const metadata = { name: 'podid-nmi-secrets', namespace: 'default' }
  const rbac = 'rbac.authorization.k8s.io'
  return [
    {
      apiVersion: `${rbac}/v1`,
      kind: 'Role',
      metadata,
      rules: [
        { apiGroups: [''], resources: ['secrets'], resourceNames: names, verbs: ['get', 'list', 'watch'] },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'podid-nmi', namespace: 'default' }],
    },
  ]
}
