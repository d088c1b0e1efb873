import type { Fields } from '../json.ts'

const RBAC = 'rbac.authorization.k8s.io'
const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update']

/** What `view` may read in the core group: no Secret. */
const VIEWED = [
  'configmaps',
  'endpoints',
  'events',
  'namespaces',
  'pods',
  'pods/status',
  'serviceaccounts',
  'services',
]
const EDITED = ['configmaps', 'endpoints', 'events', 'pods', 'secrets', 'serviceaccounts', 'services']

const aggregate = (role: string): Fields => ({ [`${RBAC}/aggregate-to-${role}`]: 'true' })

function role(name: string, rules: readonly unknown[], rest: Fields = {}): Fields {
  const { labels = {}, ...fields } = rest
  const metadata = { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...(labels as Fields) } }
  return { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules, ...fields }
}

function gathering(name: string, from: string): Fields {
  const clusterRoleSelectors = [{ matchLabels: aggregate(from) }]
  return role(name, [], { aggregationRule: { clusterRoleSelectors } })
}

function binding(name: string, groups: readonly string[]): Fields {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
    subjects: groups.map((each) => ({ kind: 'Group', apiGroup: RBAC, name: each })),
  }
}

const rule = (
  apiGroups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
): Fields => ({
  apiGroups,
  resources,
  verbs,
})
const urls = (nonResourceURLs: readonly string[]): Fields => ({ nonResourceURLs, verbs: ['get'] })

const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/']
const DISCOVERY = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*']
const OIDC = [
  '/.well-known/openid-configuration',
  '/.well-known/openid-configuration/',
  '/openid/v1/jwks',
  '/openid/v1/jwks/',
]

const ACCESS_REVIEWS = ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']

/** The part of a cluster's default roles that clients of the emulated kinds meet. */
export const BOOTSTRAP_ROLES: readonly Fields[] = [
  role('cluster-admin', [rule(['*'], ['*'], ['*']), { nonResourceURLs: ['*'], verbs: ['*'] }]),
  role('system:discovery', [urls([...HEALTH, ...DISCOVERY])]),
  role('system:public-info-viewer', [urls(HEALTH)]),
  role('system:basic-user', [
    rule(['authorization.k8s.io'], ACCESS_REVIEWS, ['create']),
    rule(['authentication.k8s.io'], ['selfsubjectreviews'], ['create']),
  ]),
  role('system:service-account-issuer-discovery', [urls(OIDC)]),
  role('system:auth-delegator', [
    rule(['authentication.k8s.io'], ['tokenreviews'], ['create']),
    rule(['authorization.k8s.io'], ['subjectaccessreviews'], ['create']),
  ]),
  gathering('view', 'view'),
  role('system:aggregate-to-view', [rule([''], VIEWED, READ)], { labels: aggregate('view') }),
  gathering('edit', 'edit'),
  role('system:aggregate-to-edit', [rule([''], VIEWED, READ), rule([''], EDITED, [...READ, ...WRITE])], {
    labels: aggregate('edit'),
  }),
  gathering('admin', 'admin'),
  role(
    'system:aggregate-to-admin',
    [rule([''], EDITED, [...READ, ...WRITE]), rule([RBAC], ['roles', 'rolebindings'], [...READ, ...WRITE])],
    { labels: aggregate('admin') },
  ),
  binding('cluster-admin', ['system:masters']),
  binding('system:discovery', ['system:authenticated']),
  binding('system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
  binding('system:basic-user', ['system:authenticated']),
  binding('system:service-account-issuer-discovery', ['system:serviceaccounts']),
]
