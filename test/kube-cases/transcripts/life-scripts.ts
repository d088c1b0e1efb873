import { identity, map, placedPod, pod } from '../case-objects.ts'
import { MERGE } from '../case-world.ts'
import { type Script, versionOf } from './transcript.ts'

const MAPS = '/api/v1/namespaces/{ns}/configmaps'
const PODS = '/api/v1/namespaces/{ns}/pods'
const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/azureidentities'
const EVENTS = '/api/v1/namespaces/{ns}/events'
const ENDPOINTS = '/api/v1/namespaces/{ns}/endpoints'
const ACCOUNTS = '/api/v1/namespaces/{ns}/serviceaccounts'
const REVIEWS = '/apis/authorization.k8s.io/v1'
const JO = { 'Impersonate-User': 'jo', 'Impersonate-Group': 'people' } as const

const NO_MANAGERS = 'reviews are not stored: the emulator tells no time and no managers of them'

const event = (name: string, rest: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name },
  involvedObject: { apiVersion: 'v1', kind: 'Namespace', name: 'x', uid: 'u' },
  reason: 'Tested',
  message: 'm',
  type: 'Normal',
  ...rest,
})

export const LIFE_SCRIPTS: readonly Script[] = [
  {
    name: 'deletion',
    async run(ask) {
      for (const [path, make] of [
        [MAPS, map],
        [IDENTITIES, identity],
      ] as const) {
        const held = { metadata: { name: 'h', finalizers: ['x.example/y', 'x.example/z'] } }
        await ask('POST', path, { body: make('h', held) })
        await ask('DELETE', `${path}/h`)
        await ask('DELETE', `${path}/h`)
        await ask('DELETE', `${path}/h`, { body: { gracePeriodSeconds: 0 } })
        await ask('PATCH', `${path}/h`, {
          contentType: MERGE,
          body: { metadata: { finalizers: ['x.example/z', 'x.example/new'] } },
        })
        await ask('PATCH', `${path}/h`, {
          contentType: MERGE,
          body: { metadata: { labels: { still: 'here' } } },
        })
        await ask('PATCH', `${path}/h`, {
          contentType: MERGE,
          body: { metadata: { finalizers: ['x.example/z'] } },
        })
        await ask('PUT', `${path}/h`, {
          body: make('h', { metadata: { name: 'h' } }),
        })
        await ask('PATCH', `${path}/h`, { contentType: MERGE, body: { metadata: { finalizers: [] } } })
        await ask('GET', `${path}/h`)
        const made = await ask('POST', path, { body: make('p') })
        const { uid } = made.json().metadata ?? {}
        await ask('DELETE', `${path}/p`, { body: { preconditions: { uid: 'other' } } })
        await ask('DELETE', `${path}/p`, { body: { preconditions: { resourceVersion: '1' } } })
        await ask('DELETE', `${path}/p`, { body: { propagationPolicy: 'Sometimes' } })
        await ask('DELETE', `${path}/p`, { body: { dryRun: ['Some'] } })
        await ask('DELETE', `${path}/p`, { body: { gracePeriodSeconds: -1, dryRun: ['All'] } })
        await ask('DELETE', `${path}/p`, { body: { gracePeriodSeconds: 'x' } })
        await ask('DELETE', `${path}/p`, { body: { orphanDependents: true, propagationPolicy: 'Orphan' } })
        await ask('DELETE', `${path}/p?propagationPolicy=Sometimes`)
        await ask('DELETE', `${path}/p?gracePeriodSeconds=x`)
        await ask('DELETE', `${path}/p`, { body: '{' })
        await ask('DELETE', `${path}/p`, { body: { kind: 'DeleteOptions', apiVersion: 'v1', unknown: 1 } })
        await ask('POST', path, { body: make('p') })
        const again = await ask.quietly('GET', `${path}/p`)
        await ask('DELETE', `${path}/p`, {
          body: { preconditions: { uid, resourceVersion: versionOf(again) } },
        })
        await ask('DELETE', `${path}/p`, { body: { preconditions: { resourceVersion: versionOf(again) } } })
        await ask('POST', path, { body: make('c', { metadata: { name: 'c', labels: { a: 'b' } } }) })
        await ask('POST', path, { body: make('d', { metadata: { name: 'd', labels: { a: 'c' } } }) })
        await ask('DELETE', `${path}?labelSelector=a%3Db`)
        await ask('DELETE', `${path}?labelSelector=a%3Db`)
        await ask('DELETE', `${path}?fieldSelector=metadata.name%3Dd`)
      }
    },
  },
  {
    name: 'pods',
    async run(ask) {
      await ask('POST', PODS, { body: pod('plain') })
      await ask('POST', PODS, { body: placedPod('placed', { a: 'b' }) })
      await ask('DELETE', `${PODS}/plain`)
      await ask('GET', `${PODS}/plain`)
      await ask('DELETE', `${PODS}/placed`)
      await ask('DELETE', `${PODS}/placed`, { body: { gracePeriodSeconds: 5 } })
      await ask('DELETE', `${PODS}/placed`, { body: { gracePeriodSeconds: 50 } })
      await ask('PATCH', `${PODS}/placed`, { contentType: MERGE, body: { metadata: { labels: { c: 'd' } } } })
      await ask('DELETE', `${PODS}/placed`, { body: { gracePeriodSeconds: 0 } })
      await ask('GET', `${PODS}/placed`)
      await ask('POST', PODS, { body: placedPod('ended') })
      await ask('PATCH', `${PODS}/ended/status`, {
        contentType: MERGE,
        body: { status: { phase: 'Succeeded' } },
      })
      await ask('DELETE', `${PODS}/ended`)
      await ask('GET', `${PODS}/ended`)
      await ask('POST', PODS, { body: pod('bound') })
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'bound' } }
      await ask('POST', `${PODS}/bound/binding`, { body: binding })
      await ask('POST', `${PODS}/bound/binding`, {
        body: { ...binding, target: { kind: 'Node', name: 'n' } },
      })
      await ask('POST', `${PODS}/bound/binding`, {
        body: { ...binding, target: { kind: 'Node', name: 'n' } },
      })
      await ask('POST', `${PODS}/none/binding`, { body: { ...binding, target: { kind: 'Node', name: 'n' } } })
      await ask('GET', `${PODS}/bound`)
      const bad: readonly object[] = [
        { containers: [] },
        { containers: [{ name: 'A', image: '' }] },
        {
          containers: [
            { name: 'a', image: 'i' },
            { name: 'a', image: 'i' },
          ],
        },
        { restartPolicy: 'Sometimes' },
        { serviceAccountName: 'none' },
        { containers: [{ name: 'a', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
        {
          volumes: [
            { name: 'v', emptyDir: {} },
            { name: 'v', emptyDir: {} },
          ],
        },
        { nodeName: 'Bad!' },
        { dnsPolicy: 'Never' },
      ]
      for (const spec of bad) await ask('POST', PODS, { body: pod('bad', spec) })
    },
  },
  {
    name: 'events-and-endpoints',
    async run(ask, { namespace }) {
      const involved = { apiVersion: 'v1', kind: 'Pod', name: 'p', namespace, uid: 'u' }
      await ask('POST', EVENTS, { body: event('mismatched') })
      await ask('POST', EVENTS, { body: event('e', { involvedObject: involved, count: 1 }) })
      await ask('POST', EVENTS, { body: event('e', { involvedObject: involved }) })
      await ask('PATCH', `${EVENTS}/e`, { contentType: MERGE, body: { count: 2 } })
      await ask('PATCH', `${EVENTS}/e`, { contentType: MERGE, body: { count: 'x' } })
      await ask('GET', `${EVENTS}?fieldSelector=involvedObject.name%3Dp,reason%3DTested`)
      await ask('GET', `${EVENTS}?fieldSelector=type%3DWarning`)
      await ask('DELETE', `${EVENTS}/e`)
      const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'lock' } }
      await ask('POST', ENDPOINTS, { body: endpoints })
      await ask('GET', `${ENDPOINTS}/lock`)
      await ask('GET', ENDPOINTS)
      await ask('PUT', `${ENDPOINTS}/lock`, {
        body: { ...endpoints, metadata: { name: 'lock', annotations: { a: 'b' } } },
      })
      await ask('PUT', `${ENDPOINTS}/fresh`, { body: { ...endpoints, metadata: { name: 'fresh' } } })
      await ask('PUT', `${ENDPOINTS}/lock`, { body: { ...endpoints, subsets: [{}] } })
      await ask('DELETE', `${ENDPOINTS}/lock`)
    },
  },
  {
    name: 'access',
    async run(ask, { namespace }) {
      await ask('GET', PODS, { token: 'wrong' })
      for (const headers of [JO]) {
        await ask('GET', PODS, { headers })
        await ask('GET', `${PODS}/a`, { headers })
        await ask('GET', '/api/v1/pods', { headers })
        await ask('GET', '/api/v1/nodes/n', { headers })
        await ask('GET', `/api/v1/namespaces/${namespace}`, { headers })
        await ask('POST', PODS, { headers, body: pod('a') })
        await ask('PATCH', `${IDENTITIES}/a`, { headers, contentType: MERGE, body: {} })
        await ask('PATCH', `${PODS}/a/status`, { headers, contentType: MERGE, body: {} })
        await ask('DELETE', PODS, { headers })
        await ask('GET', `${PODS}?watch=1`, { headers })
        await ask('GET', '/metrics', { headers })
        await ask('GET', '/apis/nothing.example/v1/things', { headers })
      }
      const rules = (verbs: readonly string[]) => [{ apiGroups: [''], resources: ['pods'], verbs }]
      const role = (rest: object) => ({ metadata: { name: 'r' }, ...rest })
      const roles = '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles'
      const bindings = '/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings'
      await ask('POST', roles, { body: role({ rules: rules([]) }) })
      await ask('POST', roles, { body: role({ rules: [{ verbs: ['get'] }] }) })
      await ask('POST', roles, { body: role({ rules: rules(['get', 'list']) }) })
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }
      await ask('POST', bindings, { body: role({ roleRef: { ...roleRef, kind: 'Rolle' } }) })
      await ask('POST', bindings, {
        body: role({ roleRef, subjects: [{ kind: 'ServiceAccount', name: 'default' }] }),
      })
      await ask('POST', bindings, { body: role({ roleRef, subjects: [{ kind: 'User', name: 'jo' }] }) })
      await ask('PATCH', `${bindings}/r`, { contentType: MERGE, body: { roleRef: { name: 'other' } } })
      const attributes = { namespace, verb: 'list', resource: 'secrets' }
      await ask('POST', `${REVIEWS}/subjectaccessreviews`, {
        differs: NO_MANAGERS,
        body: { spec: { user: 'jo', resourceAttributes: attributes } },
      })
      await ask('POST', `${REVIEWS}/selfsubjectaccessreviews`, {
        differs: NO_MANAGERS,
        body: { spec: { resourceAttributes: attributes } },
      })
      await ask('POST', `${REVIEWS}/selfsubjectaccessreviews`, {
        headers: JO,
        differs: NO_MANAGERS,
        body: { spec: { nonResourceAttributes: { path: '/metrics', verb: 'get' } } },
      })
      await ask('GET', `${REVIEWS}/selfsubjectaccessreviews`)
      await ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        body: {},
        headers: JO,
        differs: NO_MANAGERS,
      })
      await ask('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        body: { spec: { token: 'x' } },
        differs: NO_MANAGERS,
      })
    },
  },
  {
    name: 'token-requests',
    async run(ask) {
      const token = `${ACCOUNTS}/default/token`
      const specs: readonly object[] = [
        { expirationSeconds: 1 },
        { expirationSeconds: 2 ** 33 },
        { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } },
        { boundObjectRef: { kind: 'Service', apiVersion: 'v1', name: 'none' } },
        { boundObjectRef: { kind: 'Pod', apiVersion: 'v1' } },
        { audiences: 'x' },
      ]
      for (const spec of specs) await ask('POST', token, { body: { spec } })
      await ask('POST', `${ACCOUNTS}/none/token`, { body: {} })
      await ask('GET', token)
      await ask('POST', PODS, { body: placedPod('p') })
      await ask('POST', token, {
        body: { spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'other' } } },
      })
    },
  },
]
