import { textAt, valueAt } from '../json.ts'
import type { KubeObject } from '../kube-object.ts'
import { builtinSchema } from '../schemas/builtin-schemas.ts'
import {
  bindingStrategy,
  configMapStrategy,
  endpointsStrategy,
  eventStrategy,
  leaseStrategy,
  namespaceStrategy,
  nodeStrategy,
  roleStrategy,
  secretStrategy,
  statusStrategy,
} from '../strategies/core.ts'
import { crdStrategy } from '../strategies/custom-resource-definition.ts'
import { podStrategy } from '../strategies/pod.ts'
import * as columns from './columns.ts'
import type { ResourceDefinition, Subresource, Verb } from './resource-definition.ts'

const ALL: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
]
const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' }
const RFC_LABEL = { nameRule: 'label' } as const
const PATH_NAME = { nameRule: 'path-segment' } as const

/** A built-in kind: what is not said is what most kinds have. */
function builtin(
  kind: string,
  plural: string,
  rest: Partial<ResourceDefinition> & { readonly schemaName?: string },
): ResourceDefinition {
  const { schemaName, ...fields } = rest
  return {
    group: '',
    version: 'v1',
    plural,
    singular: kind.toLowerCase(),
    kind,
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: ALL,
    statusSubresource: false,
    subresources: [],
    nameRule: 'subdomain',
    schema: builtinSchema(schemaName ?? kind),
    custom: false,
    generation: false,
    unconditionalUpdate: true,
    createOnUpdate: false,
    returnsDeleted: false,
    columns: [columns.NAME, columns.AGE],
    selectableFields: {},
    strategy: {},
    ...fields,
  }
}

const at =
  (...path: readonly string[]) =>
  (object: KubeObject): string =>
    textAt(object, ...path)

/** A boolean field as selectors compare it; one that is left out is false. */
const flagAt =
  (...path: readonly string[]) =>
  (object: KubeObject): string =>
    valueAt(object, ...path) === true ? 'true' : 'false'

const TOKEN: Subresource = {
  name: 'token',
  kind: 'TokenRequest',
  group: 'authentication.k8s.io',
  version: 'v1',
  verbs: ['create'],
}

const POD_BINDING: Subresource = {
  name: 'binding',
  kind: 'Binding',
  group: '',
  version: 'v1',
  verbs: ['create'],
}

const EVENT_FIELDS = {
  'involvedObject.kind': at('involvedObject', 'kind'),
  'involvedObject.namespace': at('involvedObject', 'namespace'),
  'involvedObject.name': at('involvedObject', 'name'),
  'involvedObject.uid': at('involvedObject', 'uid'),
  'involvedObject.apiVersion': at('involvedObject', 'apiVersion'),
  'involvedObject.resourceVersion': at('involvedObject', 'resourceVersion'),
  'involvedObject.fieldPath': at('involvedObject', 'fieldPath'),
  reason: at('reason'),
  reportingComponent: at('reportingComponent'),
  source: at('source', 'component'),
  type: at('type'),
}

/** The built-in kinds that the emulator serves. Kinds of the last block are stored and validated by schema only. */
export const BUILTIN_RESOURCES: readonly ResourceDefinition[] = [
  builtin('Pod', 'pods', {
    shortNames: ['po'],
    categories: ['all'],
    statusSubresource: true,
    subresources: [POD_BINDING],
    generation: true,
    returnsDeleted: true,
    columns: columns.POD_COLUMNS,
    selectableFields: {
      'spec.nodeName': at('spec', 'nodeName'),
      'spec.restartPolicy': at('spec', 'restartPolicy'),
      'spec.schedulerName': at('spec', 'schedulerName'),
      'spec.serviceAccountName': at('spec', 'serviceAccountName'),
      'spec.hostNetwork': flagAt('spec', 'hostNetwork'),
      'status.phase': at('status', 'phase'),
      'status.podIP': at('status', 'podIP'),
      'status.podIPs': at('status', 'podIP'),
      'status.nominatedNodeName': at('status', 'nominatedNodeName'),
    },
    strategy: podStrategy,
  }),
  builtin('Node', 'nodes', {
    shortNames: ['no'],
    namespaced: false,
    statusSubresource: true,
    columns: columns.NODE_COLUMNS,
    selectableFields: { 'spec.unschedulable': flagAt('spec', 'unschedulable') },
    strategy: nodeStrategy,
  }),
  builtin('Namespace', 'namespaces', {
    shortNames: ['ns'],
    namespaced: false,
    // A namespace is emptied before it goes, so there is no deletecollection.
    verbs: ALL.filter((each) => each !== 'deletecollection'),
    statusSubresource: true,
    subresources: [{ name: 'finalize', kind: 'Namespace', group: '', version: 'v1', verbs: ['update'] }],
    ...RFC_LABEL,
    returnsDeleted: true,
    columns: columns.NAMESPACE_COLUMNS,
    selectableFields: { 'status.phase': at('status', 'phase'), name: at('metadata', 'name') },
    strategy: namespaceStrategy,
  }),
  builtin('Secret', 'secrets', {
    columns: columns.SECRET_COLUMNS,
    selectableFields: { type: at('type') },
    strategy: secretStrategy,
  }),
  builtin('ServiceAccount', 'serviceaccounts', {
    shortNames: ['sa'],
    subresources: [TOKEN],
    returnsDeleted: true,
    columns: columns.SERVICE_ACCOUNT_COLUMNS,
  }),
  builtin('ConfigMap', 'configmaps', {
    shortNames: ['cm'],
    columns: columns.CONFIG_MAP_COLUMNS,
    strategy: configMapStrategy,
  }),
  builtin('Endpoints', 'endpoints', {
    shortNames: ['ep'],
    deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
    singular: 'endpoints',
    createOnUpdate: true,
    columns: columns.ENDPOINTS_COLUMNS,
    strategy: endpointsStrategy,
  }),
  builtin('Event', 'events', {
    shortNames: ['ev'],
    createOnUpdate: true,
    columns: columns.EVENT_COLUMNS,
    selectableFields: EVENT_FIELDS,
    strategy: eventStrategy,
  }),
  builtin('Lease', 'leases', {
    group: 'coordination.k8s.io',
    unconditionalUpdate: false,
    createOnUpdate: true,
    columns: columns.LEASE_COLUMNS,
    strategy: leaseStrategy,
  }),
  builtin('CustomResourceDefinition', 'customresourcedefinitions', {
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    statusSubresource: true,
    generation: true,
    unconditionalUpdate: false,
    columns: [columns.NAME, columns.CREATED_AT],
    strategy: crdStrategy,
  }),
  builtin('Role', 'roles', {
    ...RBAC,
    ...PATH_NAME,
    createOnUpdate: true,
    columns: [columns.NAME, columns.CREATED_AT],
    strategy: roleStrategy,
  }),
  builtin('RoleBinding', 'rolebindings', {
    ...RBAC,
    ...PATH_NAME,
    createOnUpdate: true,
    columns: columns.BINDING_COLUMNS,
    strategy: bindingStrategy,
  }),
  builtin('ClusterRole', 'clusterroles', {
    ...RBAC,
    ...PATH_NAME,
    namespaced: false,
    createOnUpdate: true,
    columns: [columns.NAME, columns.CREATED_AT],
    strategy: roleStrategy,
  }),
  builtin('ClusterRoleBinding', 'clusterrolebindings', {
    ...RBAC,
    ...PATH_NAME,
    namespaced: false,
    createOnUpdate: true,
    columns: columns.BINDING_COLUMNS,
    strategy: bindingStrategy,
  }),

  builtin('Service', 'services', {
    shortNames: ['svc'],
    categories: ['all'],
    statusSubresource: true,
    ...RFC_LABEL,
    returnsDeleted: true,
    columns: columns.SERVICE_COLUMNS,
    strategy: statusStrategy,
  }),
  ...(
    [
      ['Deployment', 'deployments', 'deploy'],
      ['DaemonSet', 'daemonsets', 'ds'],
      ['ReplicaSet', 'replicasets', 'rs'],
    ] as const
  ).map(([kind, plural, short]) =>
    builtin(kind, plural, {
      group: 'apps',
      shortNames: [short],
      categories: ['all'],
      statusSubresource: true,
      generation: true,
      strategy: statusStrategy,
    }),
  ),
  builtin('PodDisruptionBudget', 'poddisruptionbudgets', {
    group: 'policy',
    shortNames: ['pdb'],
    statusSubresource: true,
    generation: true,
    unconditionalUpdate: false,
    strategy: statusStrategy,
  }),
]
