import { identity, map, pod } from '../case-objects.ts'
import { MERGE } from '../case-world.ts'
import { type Asking, type Script, versionOf } from './transcript.ts'

const MAPS = '/api/v1/namespaces/{ns}/configmaps'
const PODS = '/api/v1/namespaces/{ns}/pods'
const IDENTITIES = '/apis/aadpodidentity.k8s.io/v1/namespaces/{ns}/azureidentities'
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/{ns}/leases'
const LONG = 'x'.repeat(300)

const lease = (spec: object, metadata: object = {}): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'l', ...metadata },
  spec,
})

/** The same bad metadata for a built-in and a custom kind. */
async function badMetadata(ask: Asking, path: string, make: (metadata: object) => object): Promise<void> {
  const bad: readonly object[] = [
    {},
    { name: '' },
    { name: LONG },
    { name: 'Upper' },
    { name: 'a_b' },
    { name: 'a..b' },
    { name: '-a' },
    { name: 'a/b' },
    { name: '..' },
    { name: 'a', namespace: 'elsewhere' },
    { name: 'a', labels: { 'bad key!': 'v' } },
    { name: 'a', labels: { a: 'bad value!' } },
    { name: 'a', labels: { [LONG]: 'v', a: LONG } },
    { name: 'a', labels: { 'A/b/c': 'v', '/x': 'y', 'x/': 'y' } },
    { name: 'a', labels: { n: 5 } },
    { name: 'a', labels: [] },
    { name: 'a', annotations: { 'bad key!': 'v' } },
    { name: 'a', annotations: { [LONG]: 'v', 'A/b/c': 'v', 'Up/x': 'v' } },
    { name: 'a', finalizers: [`x.example/${LONG}`, 'a/b/c'] },
    { name: 'a', annotations: { a: null } },
    { name: 'a', finalizers: ['no-domain'] },
    { name: 'b', finalizers: ['bad finalizer!', 'x.example/y'] },
    { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p' }] },
    { name: 'a', ownerReferences: [{ apiVersion: '', kind: '', name: '', uid: '' }] },
    { name: 'a', ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'p', uid: 'u' }] },
    {
      name: 'a',
      ownerReferences: [1, 2].map((n) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        name: `p${n}`,
        uid: `u${n}`,
        controller: true,
      })),
    },
    { generateName: 'Bad_' },
    { name: 5 },
    { name: 'a', resourceVersion: '5' },
    { name: 'a', creationTimestamp: 'yesterday' },
    { name: 'a', unknown: 'field' },
  ]
  for (const metadata of bad) await ask('POST', path, { body: make(metadata) })
  await ask('POST', path, { body: make({ generateName: 'gen-' }) })
}

export const WRITE_SCRIPTS: readonly Script[] = [
  {
    name: 'bad-metadata-of-config-maps',
    run: (ask) => badMetadata(ask, MAPS, (metadata) => ({ ...map(''), metadata })),
  },
  {
    name: 'bad-metadata-of-identities',
    run: (ask) => badMetadata(ask, IDENTITIES, (metadata) => ({ ...identity(''), metadata })),
  },
  {
    name: 'bad-bodies',
    async run(ask) {
      for (const path of [MAPS, IDENTITIES]) {
        for (const body of ['', '{', '[]', '"x"', 'null', '5', '{}', '{"kind":"ConfigMap"}']) {
          await ask('POST', path, { body })
        }
        await ask('POST', path, { body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'a' } } })
        await ask('POST', path, { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } } })
        await ask('POST', path, { body: 'a: b', contentType: 'text/plain' })
        await ask('POST', path, { body: 'a: b', contentType: 'application/yaml' })
        await ask('POST', path, { body: '{"metadata":{"name":"dup","name":"dup2"}}' })
        await ask('PUT', `${path}/x`, { body: {} })
      }
    },
  },
  {
    name: 'config-map-life',
    async run(ask) {
      const created = await ask('POST', MAPS, {
        body: map('m', { data: { a: '1' }, binaryData: { b: 'AAE=' } }),
      })
      await ask('POST', MAPS, { body: map('m') })
      await ask('GET', `${MAPS}/m`)
      await ask('GET', `${MAPS}/none`)
      await ask('PUT', `${MAPS}/m`, { body: map('m', { data: { a: '2' } }) })
      await ask('PUT', `${MAPS}/m`, { body: created.json() })
      await ask('PUT', `${MAPS}/m`, { body: map('other') })
      await ask('PUT', `${MAPS}/m`, { body: { ...map(''), metadata: {} } })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { metadata: { name: 'm', namespace: 'elsewhere' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { metadata: { name: 'm', uid: 'other' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { metadata: { name: 'm', resourceVersion: 'text' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { metadata: { name: 'm', resourceVersion: '0' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { metadata: { name: 'm', resourceVersion: '1' } }) })
      await ask('PUT', `${MAPS}/none`, { body: map('none') })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { immutable: true, data: { a: '3' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { immutable: true, data: { a: '4' } }) })
      await ask('PUT', `${MAPS}/m`, { body: map('m', { data: { a: '3' } }) })
      await ask('POST', MAPS, { body: map('bad', { data: { 'bad key!': 'x', a: 5 } }) })
      await ask('POST', MAPS, { body: map('bad', { data: { 'bad key!': 'x', '..': 'y' } }) })
      await ask('POST', MAPS, { body: map('bad', { data: { a: 'x' }, binaryData: { a: 'AAE=' } }) })
      await ask('POST', MAPS, { body: map('bad', { binaryData: { a: '!' } }) })
      await ask('DELETE', `${MAPS}/m`)
      await ask('DELETE', `${MAPS}/m`)
    },
  },
  {
    name: 'identity-life',
    async run(ask) {
      const created = await ask('POST', IDENTITIES, { body: identity('i') })
      await ask('POST', IDENTITIES, { body: identity('i') })
      await ask('PUT', `${IDENTITIES}/i`, { body: identity('i') })
      const changed = { ...created.json(), spec: { type: 1 } }
      await ask('PUT', `${IDENTITIES}/i`, { body: changed })
      await ask('PUT', `${IDENTITIES}/i`, { body: changed })
      await ask('PUT', `${IDENTITIES}/i`, {
        body: identity('i', { metadata: { name: 'i', resourceVersion: '0' } }),
      })
      await ask('PUT', `${IDENTITIES}/i`, {
        body: identity('i', { metadata: { name: 'i', resourceVersion: 'x' } }),
      })
      await ask('PUT', `${IDENTITIES}/none`, { body: identity('none') })
      await ask('PUT', `${IDENTITIES}/none`, {
        body: identity('none', { metadata: { name: 'none', resourceVersion: '5' } }),
      })
      await ask('GET', `${IDENTITIES}/i`)
      await ask('GET', `${IDENTITIES}/i/status`)
      await ask('GET', `${IDENTITIES}/i/scale`)
      await ask('DELETE', `${IDENTITIES}/i`)
      await ask('DELETE', `${IDENTITIES}/i`)
    },
  },
  {
    name: 'field-validation',
    async run(ask) {
      const typo = map('typo', { dat: {}, metadata: { name: 'typo', label: {} } })
      for (const validation of ['', 'Ignore', 'Warn', 'Strict', 'Other']) {
        const query = `?dryRun=All${validation === '' ? '' : `&fieldValidation=${validation}`}`
        await ask('POST', `${MAPS}${query}`, { body: typo })
        await ask('POST', `${IDENTITIES}${query}`, {
          body: identity('typo', {
            spec: { type: 0, clientId: 'x', clientPassword: { nam: 'x' } },
            extra: 1,
          }),
        })
        await ask('POST', `${PODS}${query}`, {
          body: pod('typo', {
            containers: [{ name: 'a', image: 'i', imgae: 'x', env: [{ nam: 'x', name: 'A' }] }],
          }),
        })
        await ask('POST', `${MAPS}${query}`, {
          body: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"dup"},"data":{"a":"1","a":"2"}}',
        })
      }
      await ask('POST', IDENTITIES, { body: identity('i') })
      for (const validation of ['Ignore', 'Warn', 'Strict']) {
        await ask('PATCH', `${IDENTITIES}/i?fieldValidation=${validation}`, {
          contentType: MERGE,
          body: { spec: { no: 1 }, more: {} },
        })
        await ask('PUT', `${IDENTITIES}/i?fieldValidation=${validation}`, {
          body: { ...(await ask.quietly('GET', `${IDENTITIES}/i`)).json(), more: 1 },
        })
      }
    },
  },
  {
    name: 'wrong-types',
    async run(ask) {
      const specs: readonly object[] = [
        { type: 'zero' },
        { type: 1.5 },
        { type: 7 },
        { type: null },
        { type: true },
        { type: '0', clientID: 5, resourceID: [] },
        { type: 0, clientID: null },
        { type: 0, auxiliaryTenantIDs: 'x' },
        { type: 0, auxiliaryTenantIDs: [5] },
        { type: 0, auxiliaryTenantIDs: null },
        { type: 0, clientPassword: 'x' },
        { type: 0, clientPassword: { name: 5, namespace: {} } },
      ]
      for (const spec of specs) await ask('POST', IDENTITIES, { body: identity('w', { spec }) })
      await ask('POST', IDENTITIES, { body: identity('w', { spec: 'x' }) })
      await ask('POST', IDENTITIES, { body: identity('w', { spec: null }) })
      await ask('POST', IDENTITIES, { body: identity('w2', { spec: [], status: 5 }) })
      await ask('POST', MAPS, { body: map('w', { data: 'x' }) })
      await ask('POST', MAPS, { body: map('w', { data: { a: { b: 'c' } } }) })
      await ask('POST', MAPS, { body: map('w', { immutable: 'yes' }) })
      await ask('POST', PODS, { body: pod('w', { containers: 'x' }) })
      await ask('POST', PODS, { body: pod('w', { containers: [{ name: 5 }] }) })
      await ask('POST', PODS, { body: pod('w', { terminationGracePeriodSeconds: '30' }) })
      await ask('POST', PODS, { body: pod('w', { hostNetwork: 1 }) })
      await ask('POST', LEASES, { body: lease({ leaseDurationSeconds: '15' }) })
      await ask('POST', LEASES, { body: lease({ renewTime: 'now' }) })
      await ask('POST', LEASES, { body: lease({ leaseDurationSeconds: 1.5 }) })
    },
  },
  {
    name: 'leases',
    async run(ask) {
      await ask('POST', LEASES, {
        body: lease({
          holderIdentity: 'a',
          leaseDurationSeconds: 15,
          acquireTime: '2026-01-01T00:00:00.000000Z',
          renewTime: '2026-01-01T00:00:00.123456Z',
          leaseTransitions: 0,
        }),
      })
      await ask('PUT', `${LEASES}/l`, { body: lease({ holderIdentity: 'b' }) })
      const found = await ask('GET', `${LEASES}/l`)
      const metadata = { resourceVersion: versionOf(found) }
      await ask('PUT', `${LEASES}/l`, { body: lease({ holderIdentity: 'b' }, metadata) })
      await ask('PUT', `${LEASES}/l`, { body: lease({ holderIdentity: 'c' }, metadata) })
      const next = { resourceVersion: versionOf(await ask('GET', `${LEASES}/l`)) }
      await ask('PUT', `${LEASES}/l`, { body: lease({ holderIdentity: '' }, next) })
      await ask('PUT', `${LEASES}/l`, { body: lease({ leaseDurationSeconds: 0 }, next) })
      await ask('PUT', `${LEASES}/l`, { body: lease({ leaseTransitions: -1 }, next) })
      await ask('PUT', `${LEASES}/l`, { body: lease({ strategy: 'OldestEmulationVersion' }, next) })
      await ask('PUT', `${LEASES}/l`, { body: lease({ renewTime: '2026-01-01T00:00:00Z' }, next) })
      await ask('PUT', `${LEASES}/m`, { body: lease({ holderIdentity: 'a' }, { name: 'm' }) })
      await ask('PUT', `${LEASES}/m2`, { body: lease({ holderIdentity: 'a' }, { name: 'm2', uid: 'x' }) })
      await ask('PUT', `${LEASES}/m3`, {
        body: lease({ holderIdentity: 'a' }, { name: 'm3', resourceVersion: '7' }),
      })
      await ask('GET', LEASES)
    },
  },
  {
    name: 'dry-run-and-options',
    async run(ask) {
      await ask('POST', `${MAPS}?dryRun=All`, { body: map('m') })
      await ask('POST', `${MAPS}?dryRun=Some`, { body: map('m') })
      await ask('GET', `${MAPS}/m`)
      await ask('POST', `${MAPS}?fieldManager=me`, { body: map('m') })
      await ask('POST', `${MAPS}?fieldManager=${LONG}`, { body: map('n') })
      await ask('POST', `${MAPS}?fieldManager=a%00b`, { body: map('n') })
      await ask('POST', `${MAPS}?pretty=true`, { body: map('p') })
      await ask('PUT', `${MAPS}/m?dryRun=All&fieldManager=you`, { body: map('m', { data: { a: '1' } }) })
      await ask('PATCH', `${MAPS}/m?dryRun=All`, { contentType: MERGE, body: { data: { a: '1' } } })
      await ask('DELETE', `${MAPS}/m?dryRun=All`)
      await ask('GET', `${MAPS}/m`)
      await ask('POST', `${MAPS}/m`, { body: map('m') })
      await ask('PUT', MAPS, { body: map('m') })
      await ask('PATCH', MAPS, { contentType: MERGE, body: {} })
      await ask('OPTIONS', MAPS)
      await ask('HEAD', `${MAPS}/m`)
    },
  },
]
