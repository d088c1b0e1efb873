import { CLIENT_ID, identity, map, pod } from '../case-objects.ts'
import { MERGE } from '../case-world.ts'
import type { Asking, Script } from './transcript.ts'

const MAPS = '/api/v1/namespaces/{ns}/configmaps'
const PODS = '/api/v1/namespaces/{ns}/pods'
const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/azureidentities'
const JSON_PATCH = 'application/json-patch+json'
const STRATEGIC = 'application/strategic-merge-patch+json'
const OTHER_CLIENT_ID = 'c0c0c0c0-0000-4000-8000-000000000002'
const APPLY = 'application/apply-patch+yaml'

async function jsonPatches(ask: Asking, path: string): Promise<void> {
  const patches: readonly unknown[] = [
    [],
    {},
    'x',
    null,
    [{}],
    [{ op: 'nop', path: '/metadata' }],
    [{ op: 'add', path: '/metadata/labels', value: { a: 'b' } }],
    [{ op: 'add', path: '/metadata/labels/c', value: 'd' }],
    [{ op: 'add', path: '/metadata/labels/x~1y', value: 'd' }],
    [{ op: 'replace', path: '/metadata/labels/none', value: 'd' }],
    [{ op: 'remove', path: '/metadata/labels/none' }],
    [{ op: 'remove', path: '/metadata/none/none' }],
    [{ op: 'add', path: '/metadata/none/none', value: 1 }],
    [{ op: 'test', path: '/metadata/labels/a', value: 'b' }],
    [{ op: 'test', path: '/metadata/labels/a', value: 'c' }],
    [{ op: 'test', path: '/metadata/labels/none', value: 'c' }],
    [{ op: 'test', path: '/metadata/labels/none', value: null }],
    [{ op: 'copy', from: '/metadata/labels/a', path: '/metadata/labels/e' }],
    [{ op: 'copy', from: '/metadata/labels/none', path: '/metadata/labels/f' }],
    [{ op: 'move', from: '/metadata/labels/e', path: '/metadata/labels/g' }],
    [{ op: 'replace', path: '', value: {} }],
    [{ op: 'replace', path: '/metadata/name', value: 'other' }],
    [{ op: 'replace', path: '/metadata/namespace', value: 'other' }],
    [{ op: 'replace', path: '/metadata/uid', value: 'other' }],
    [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }],
    [{ op: 'replace', path: '/metadata/creationTimestamp', value: '2001-01-01T00:00:00Z' }],
    [{ op: 'replace', path: '/kind', value: 'ServiceAccount' }],
    [{ op: 'replace', path: '/apiVersion', value: 'v2' }],
    [{ op: 'remove', path: '/metadata' }],
    [{ op: 'add', path: '/metadata/finalizers', value: ['x.example/y'] }],
    [{ op: 'add', path: '/metadata/finalizers/-', value: 'x.example/z' }],
    [{ op: 'add', path: '/metadata/finalizers/0', value: 'x.example/first' }],
    [{ op: 'add', path: '/metadata/finalizers/9', value: 'x.example/w' }],
    [{ op: 'remove', path: '/metadata/finalizers/7' }],
    [{ op: 'remove', path: '/metadata/finalizers' }],
    [{ op: 'add', path: '/metadata/generation', value: 77 }],
    [{ op: 'add', path: '/metadata/deletionTimestamp', value: '2001-01-01T00:00:00Z' }],
    [{ op: 'add', path: '/metadata/labels', value: { a: 5 } }],
    [{ op: 'add', path: '/metadata/labels', value: null }],
  ]
  for (const body of patches) await ask('PATCH', path, { contentType: JSON_PATCH, body })
  await ask('PATCH', path, { contentType: JSON_PATCH, body: '[' })
}

async function mergePatches(ask: Asking, path: string): Promise<void> {
  const patches: readonly unknown[] = [
    {},
    [],
    'x',
    null,
    { metadata: { labels: { a: 'b' } } },
    { metadata: { labels: { a: 'b' } } },
    { metadata: { labels: { a: null, c: 'd' } } },
    { metadata: { labels: { c: 5 } } },
    { metadata: { labels: 'x' } },
    { metadata: { labels: null } },
    { metadata: { name: 'other' } },
    { metadata: { name: null } },
    { metadata: { namespace: 'other' } },
    { metadata: { uid: 'other' } },
    { metadata: { uid: null } },
    { metadata: { resourceVersion: '1' } },
    { metadata: { resourceVersion: null } },
    { metadata: { creationTimestamp: '2001-01-01T00:00:00Z' } },
    { metadata: { creationTimestamp: null } },
    { metadata: { generation: 77 } },
    { metadata: { managedFields: [] } },
    { metadata: { managedFields: [{}] } },
    { metadata: { managedFields: null } },
    { metadata: { finalizers: ['x.example/y'] } },
    { metadata: { finalizers: null } },
    { metadata: null },
    { kind: 'ServiceAccount' },
    { kind: null },
    { apiVersion: 'v2' },
    { metadata: { annotations: { big: 'x' } } },
    { metadata: { deletionTimestamp: '2001-01-01T00:00:00Z', selfLink: '/x' } },
  ]
  for (const body of patches) await ask('PATCH', path, { contentType: MERGE, body })
  await ask('PATCH', path, { contentType: MERGE, body: '{' })
  await ask('PATCH', path, { contentType: 'application/json', body: {} })
  await ask('PATCH', path, { contentType: '', body: {} })
  await ask('PATCH', `${path}?force=true`, { contentType: MERGE, body: {} })
}

export const PATCH_SCRIPTS: readonly Script[] = [
  {
    name: 'json-patches-of-config-maps',
    async run(ask) {
      await ask('POST', MAPS, { body: map('m', { data: { a: '1' } }) })
      await jsonPatches(ask, `${MAPS}/m`)
      await ask('PATCH', `${MAPS}/none`, { contentType: JSON_PATCH, body: [] })
      await ask('PATCH', `${MAPS}/m`, {
        contentType: JSON_PATCH,
        body: [{ op: 'add', path: '/data/b', value: 5 }],
      })
    },
  },
  {
    name: 'json-patches-of-identities',
    async run(ask) {
      await ask('POST', IDENTITIES, { body: identity('i') })
      await jsonPatches(ask, `${IDENTITIES}/i`)
      await ask('PATCH', `${IDENTITIES}/none`, { contentType: JSON_PATCH, body: [] })
      await ask('PATCH', `${IDENTITIES}/i`, {
        contentType: JSON_PATCH,
        body: [{ op: 'replace', path: '/spec/none', value: 5 }],
      })
      await ask('PATCH', `${IDENTITIES}/i`, {
        contentType: JSON_PATCH,
        body: [{ op: 'replace', path: '/spec/type', value: 'x' }],
      })
    },
  },
  {
    name: 'merge-patches-of-config-maps',
    async run(ask) {
      await ask('POST', MAPS, { body: map('m', { data: { a: '1' } }) })
      await mergePatches(ask, `${MAPS}/m`)
      await ask('PATCH', `${MAPS}/none`, { contentType: MERGE, body: {} })
      await ask('PATCH', `${MAPS}/m`, { contentType: MERGE, body: { data: { a: null } } })
      await ask('PATCH', `${MAPS}/m`, { contentType: MERGE, body: { data: 5 } })
    },
  },
  {
    name: 'merge-patches-of-identities',
    async run(ask) {
      await ask('POST', IDENTITIES, { body: identity('i') })
      await mergePatches(ask, `${IDENTITIES}/i`)
      await ask('PATCH', `${IDENTITIES}/none`, { contentType: MERGE, body: {} })
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { spec: { clientID: 'x' } } })
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { spec: { clientID: CLIENT_ID } } })
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { spec: { type: 'x' } } })
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: MERGE, body: { spec: null } })
      await ask('PATCH', `${IDENTITIES}/i`, { contentType: STRATEGIC, body: {} })
      await ask('PATCH', `${IDENTITIES}/i/status`, { contentType: MERGE, body: { status: {} } })
    },
  },
  {
    name: 'strategic-patches-of-pods',
    async run(ask) {
      const body = pod('p', {
        containers: [
          { name: 'a', image: 'i', env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] },
        ],
        tolerations: [{ key: 'x', operator: 'Exists' }],
      })
      await ask('POST', PODS, { body })
      const patches: readonly unknown[] = [
        {},
        [],
        { spec: { containers: [{ name: 'a', image: 'j' }] } },
        { spec: { containers: [{ name: 'b', image: 'j' }] } },
        { spec: { containers: [{ image: 'j' }] } },
        { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
        { spec: { containers: [{ $patch: 'replace' }, { name: 'a', image: 'k' }] } },
        { spec: { $setElementOrder: [] } },
        { spec: { '$setElementOrder/containers': [{ name: 'a' }], containers: [{ name: 'a', image: 'l' }] } },
        { spec: { $retainKeys: ['x'] } },
        { metadata: { labels: { a: 'b' } } },
        { metadata: { labels: { $patch: 'replace', c: 'd' } } },
        { metadata: { labels: { $patch: 'delete' } } },
        { metadata: { labels: { $patch: 'other' } } },
        { metadata: { finalizers: ['x.example/a', 'x.example/b'] } },
        { metadata: { '$deleteFromPrimitiveList/finalizers': ['x.example/a'] } },
        { metadata: { finalizers: ['x.example/c'] } },
        { metadata: { '$deleteFromPrimitiveList/finalizers': ['x.example/b', 'x.example/c'] } },
        { spec: { tolerations: [{ key: 'y', operator: 'Exists' }] } },
        { spec: { tolerations: null } },
        { spec: { activeDeadlineSeconds: 5 } },
        { spec: { activeDeadlineSeconds: 9 } },
        { spec: { terminationGracePeriodSeconds: 1 } },
        { spec: { nodeName: 'n' } },
        { spec: { unknown: 'x' } },
        { metadata: { name: 'q' } },
        { metadata: { resourceVersion: '1' } },
      ]
      for (const patch of patches) await ask('PATCH', `${PODS}/p`, { contentType: STRATEGIC, body: patch })
      await ask('PATCH', `${PODS}/p/status`, {
        contentType: STRATEGIC,
        body: { status: { conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '10.0.0.1' }] } },
      })
      await ask('PATCH', `${PODS}/p/status`, {
        contentType: STRATEGIC,
        body: {
          status: {
            conditions: [
              { type: 'Ready', status: 'False' },
              { type: 'X', status: 'True' },
            ],
          },
        },
      })
      await ask('PATCH', `${PODS}/p/status`, { contentType: STRATEGIC, body: { status: { phase: 'Odd' } } })
      await ask('PATCH', `${PODS}/p/status`, {
        contentType: STRATEGIC,
        body: { status: { podIP: '10.0.0.2', podIPs: [{ ip: '10.0.0.3' }] } },
      })
      await ask('PATCH', `${PODS}/p/status`, {
        contentType: STRATEGIC,
        body: { status: { podIPs: [{ ip: 'no address' }] } },
      })
    },
  },
  {
    name: 'apply-of-config-maps',
    async run(ask) {
      const path = `${MAPS}/m`
      const apply = (body: unknown, query = '?fieldManager=one', differs?: string) =>
        ask('PATCH', `${path}${query}`, {
          contentType: APPLY,
          body,
          ...(differs === undefined ? {} : { differs }),
        })
      await apply(map('m', { data: { a: '1', b: '1' } }))
      await apply(map('m', { data: { a: '1', b: '1' } }))
      await apply(map('m', { data: { a: '2' } }), '?fieldManager=two')
      await apply(map('m', { data: { a: '2', c: '3' } }), '?fieldManager=two&force=true')
      await apply(map('m', { data: { b: '1' } }))
      await apply(map('m', {}), '?fieldManager=two')
      await apply(map('m', { data: { a: '1' } }), '')
      await apply(map('m', { data: { a: '1' }, dat: 1 }))
      await apply(map('m', { data: { a: 5 } }))
      await apply(map('other'))
      await apply({ data: {} })
      await apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'm' } })
      await apply('a: [', '?fieldManager=one', 'the words of another parser of YAML')
      await apply('[]')
      await apply(map('m', { metadata: { name: 'm', managedFields: [] } }))
      await apply(map('m', { metadata: { name: 'm', managedFields: [{}] } }))
      await apply(map('m', { metadata: { name: 'm', uid: 'x' } }))
      await apply(map('m', { metadata: { name: 'm', resourceVersion: '1' } }))
      await apply(map('m', { metadata: { name: 'm', finalizers: ['x.example/y'], labels: { a: 'b' } } }))
      await apply(map('m', { metadata: { name: 'm', finalizers: ['x.example/z'] } }), '?fieldManager=two')
      await ask('PUT', path, { body: map('m', { data: { z: '1' } }) })
      await apply(map('m', { data: { z: '2' } }))
      await ask('PATCH', `${path}?fieldManager=one`, { contentType: MERGE, body: { data: { b: null } } })
      await apply(map('m', { data: { b: '7' } }))
      await ask('DELETE', path)
    },
  },
  {
    name: 'apply-of-identities',
    async run(ask) {
      const path = `${IDENTITIES}/i`
      const apply = (spec: unknown, query = '?fieldManager=one', rest: object = {}) =>
        ask('PATCH', `${path}${query}`, { contentType: APPLY, body: identity('i', { spec, ...rest }) })
      await apply({ type: 0, clientID: CLIENT_ID, auxiliaryTenantIDs: ['x', 'y'] })
      await apply({ type: 1 }, '?fieldManager=two')
      await apply({ type: 1, clientID: OTHER_CLIENT_ID, auxiliaryTenantIDs: ['x'] }, '?fieldManager=two')
      await apply({ type: 1, clientPassword: { name: 'n', namespace: 'm' } }, '?fieldManager=two&force=true')
      await apply({ clientID: CLIENT_ID })
      await apply({ type: 1, typ: 1 })
      await apply({ type: 'x' })
      await apply({ type: null })
      await apply({})
      await apply({ type: 0 }, '?fieldManager=one', { status: { availableReplicas: 1 } })
      await ask('PATCH', `${path}/status?fieldManager=one`, { contentType: APPLY, body: identity('i') })
    },
  },
  {
    name: 'apply-of-pods',
    async run(ask) {
      const path = `${PODS}/p`
      const apply = (spec: object, query = '?fieldManager=one') =>
        ask('PATCH', `${path}${query}`, { contentType: APPLY, body: pod('p', spec) })
      const container = (rest: object) => ({ containers: [{ name: 'a', image: 'i', ...rest }] })
      await apply(container({ env: [{ name: 'A', value: '1' }], ports: [{ containerPort: 80 }] }))
      await apply(container({ image: 'j' }), '?fieldManager=two')
      await apply(container({ image: 'j' }), '?fieldManager=two&force=true')
      await apply({
        containers: [
          { name: 'a', image: 'i' },
          { name: 'a', image: 'i' },
        ],
      })
      await apply({ containers: [{ image: 'i' }] })
      await apply(container({ image: 'k' }))
      await ask('PATCH', `${path}/status?fieldManager=kubelet`, {
        contentType: APPLY,
        body: {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'p' },
          status: { conditions: [{ type: 'Ready', status: 'True' }], podIPs: [{ ip: '10.0.0.1' }] },
        },
      })
    },
  },
]
