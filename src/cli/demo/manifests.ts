import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { parseAllDocuments } from 'yaml'
import type { Rest } from '../../kube/rest.ts'

/** Paths of the kinds that the demo applies; namespaced ones hold `{namespace}`. */
const PATHS: Readonly<Record<string, string>> = {
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  Node: '/api/v1/nodes',
  Pod: '/api/v1/namespaces/{namespace}/pods',
  ServiceAccount: '/api/v1/namespaces/{namespace}/serviceaccounts',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings',
  AzureIdentity: '/apis/aadpodidentity.k8s.io/v1/namespaces/{namespace}/azureidentities',
  AzureIdentityBinding: '/apis/aadpodidentity.k8s.io/v1/namespaces/{namespace}/azureidentitybindings',
}

const manifest = v.looseObject({
  kind: v.string(),
  metadata: v.looseObject({ name: v.string(), namespace: v.optional(v.string()) }),
})

export type Manifest = v.InferOutput<typeof manifest>

/** The documents of a YAML file. @throws ValiError for one that is no Kubernetes object. */
export async function readManifests(file: string): Promise<Manifest[]> {
  return parseAllDocuments(await readFile(file, 'utf8'))
    .map((document) => document.toJS() as unknown)
    .filter((each) => each !== null)
    .map((each) => v.parse(manifest, each))
}

/** Server-side apply, as `kubectl apply --server-side` does it. */
export async function applyManifest(rest: Rest, object: Manifest, signal: AbortSignal): Promise<void> {
  await rest.send(
    'PATCH',
    pathOf(object.kind, object.metadata.namespace ?? 'default', object.metadata.name),
    {
      query: { fieldManager: 'podid-demo', force: true },
      // JSON is YAML.
      contentType: 'application/apply-patch+yaml',
      body: object,
      signal,
    },
  )
}

export function pathOf(kind: string, namespace: string, name: string): string {
  const collection = PATHS[kind]
  if (collection === undefined) throw new Error(`the demo has no path for ${kind}`)
  return `${collection.replace('{namespace}', namespace)}/${name}`
}
