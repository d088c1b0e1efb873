/** The Kubernetes client room against the emulated API server: TLS, RBAC, watches, writes, leases. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { type KubeEmulator, startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { systemClock } from '../../src/base/clock.ts'
import { isApiStatus } from '../../src/kube/connection.ts'
import { createDirectReads } from '../../src/kube/direct-reads.ts'
import { createEventRecorder } from '../../src/kube/event-recorder.ts'
import { createEventWriter } from '../../src/kube/event-writer.ts'
import { inClusterConnection } from '../../src/kube/in-cluster.ts'
import { kubeconfigConnection } from '../../src/kube/kubeconfig.ts'
import { createLeaderElection } from '../../src/kube/lease.ts'
import { leaseLock } from '../../src/kube/lease-lock.ts'
import { legacyLock } from '../../src/kube/legacy-lock.ts'
import { createObjectWriter } from '../../src/kube/object-writer.ts'
import type { ResourceSpec } from '../../src/kube/resource-spec.ts'
import { azureAssignedIdentities } from '../../src/kube/resources/azure-assigned-identities.ts'
import { agentPods } from '../../src/kube/resources/pods.ts'
import { createRest, type Rest } from '../../src/kube/rest.ts'
import type { Versioned } from '../../src/kube/store-feed.ts'
import { type WatchedStore, watchStore } from '../../src/kube/watched-store.ts'
import type { AssignedIdentityDraft } from '../../src/model/assigned.ts'
import { API_GROUP } from '../../src/model/names.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { makeAssigned, makeBinding, makeIdentity } from '../make/objects.ts'

const NEVER = new AbortController().signal
const CRDS = new URL('../../charts/podid/crds/', import.meta.url)

interface World {
  readonly emulator: KubeEmulator
  readonly directory: string
  /** A pod's service account of the administrator. */
  readonly connection: ReturnType<typeof inClusterConnection>
  readonly rest: Rest
}

async function world(t: TestContext, crds: readonly string[] = []): Promise<World> {
  const emulator = await startKubeEmulator()
  const directory = await mkdtemp(join(tmpdir(), 'podid-kube-'))
  await writeFile(join(directory, 'ca.crt'), emulator.caPem)
  await writeFile(join(directory, 'token'), `${emulator.adminToken}\n`)
  const { hostname: host, port } = new URL(emulator.url)
  const connection = inClusterConnection({ host, port, directory })
  t.after(async () => {
    connection.close()
    await emulator.close()
    await rm(directory, { recursive: true })
  })
  for (const each of crds)
    emulator.load([parse(await readFile(new URL(each, CRDS), 'utf8')) as object as never])
  return { emulator, directory, connection, rest: createRest(connection, systemClock) }
}

function pod(
  name: string,
  fields: { node?: string; address?: string; labels?: Record<string, string> } = {},
) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: fields.labels ?? {} },
    spec: { nodeName: fields.node ?? 'node-0', containers: [{ name: 'c', image: 'i' }] },
    status: {
      phase: 'Running',
      podIP: fields.address ?? '10.0.0.1',
      podIPs: [{ ip: fields.address ?? '10.0.0.1' }],
    },
  }
}

/** A started watch and a way to wait until its store satisfies a condition. */
async function follow<T extends Versioned>(
  t: TestContext,
  rest: Rest,
  spec: ResourceSpec<T>,
  fieldSelector = '',
) {
  const checks = new Set<() => void>()
  const wake = (): void => {
    for (const check of checks) check()
  }
  const watched: WatchedStore<T> = watchStore({
    rest,
    spec,
    ...(fieldSelector === '' ? {} : { fieldSelector }),
    clock: systemClock,
    log: silentLog,
    onEvent: () => void setImmediate(wake),
  })
  t.after(() => watched.stop())
  await watched.start()
  const until = (condition: () => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const check = (): void => {
      if (!condition()) return
      checks.delete(check)
      resolve(undefined)
    }
    checks.add(check)
    check()
    return promise
  }
  return { watched, until, keys: () => [...watched.store.values()].map((each) => spec.keyOf(each)).sort() }
}

test('a store follows a real watch over TLS: initial events, changes, and only the selected node', async (t) => {
  const { emulator, rest } = await world(t)
  emulator.load([pod('a'), pod('elsewhere', { node: 'node-1' })])
  const { watched, until, keys } = await follow(t, rest, agentPods(), 'spec.nodeName=node-0')
  await watched.store.whenSynced(NEVER)
  assert.deepEqual(keys(), ['default/a'])
  emulator.load([pod('b', { address: 'FD00::B' })])
  await until(() => keys().includes('default/b'))
  assert.deepEqual(watched.store.get('default/b')?.addresses, ['fd00::b'])
  emulator.remove('pods', 'default/a')
  await until(() => keys().join() === 'default/b')
  assert.equal(watched.health().restarts, 0)
})

test('a store is right again after cuts in mid-line, 410, lost history, and a server that was away', async (t) => {
  const { emulator, rest } = await world(t)
  emulator.load([pod('a'), pod('b')])
  const { watched, until, keys } = await follow(t, rest, agentPods())
  await watched.store.whenSynced(NEVER)
  emulator.faults.dropWatches({ resource: 'pods' }, { midLine: true })
  emulator.load([pod('c')])
  await until(() => keys().length === 3)
  emulator.faults.expireWatches({ resource: 'pods' })
  emulator.remove('pods', 'default/a')
  await until(() => keys().length === 2)
  await emulator.faults.takeDown()
  emulator.remove('pods', 'default/b')
  emulator.load([pod('d')])
  emulator.faults.compact()
  await until(() => watched.health().lastError !== undefined)
  assert.deepEqual(keys(), ['default/b', 'default/c'], 'the store keeps what it has')
  await emulator.faults.bringUp()
  await until(() => keys().join() === 'default/c,default/d')
  assert.equal(watched.health().lastError, undefined)
})

test('a rotated service account token is used without a restart', async (t) => {
  const { emulator, rest, directory } = await world(t)
  await writeFile(join(directory, 'token'), 'expired')
  const { watched, until } = await follow(t, rest, agentPods())
  await until(() => watched.health().lastError?.includes('401') === true)
  await writeFile(join(directory, 'token'), emulator.adminToken)
  await watched.store.whenSynced(NEVER)
})

test('a missing right is named in health, and the watch begins when it is granted', async (t) => {
  const { emulator, directory, rest } = await world(t)
  emulator.load([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nmi', namespace: 'default' } },
  ])
  const token = emulator.issueToken({ namespace: 'default', serviceAccount: 'nmi' })
  await writeFile(join(directory, 'token'), token)
  const { watched, until } = await follow(t, rest, agentPods())
  await until(() => watched.health().lastError?.includes('403') === true)
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }]
  const subjects = [{ kind: 'ServiceAccount', name: 'nmi', namespace: 'default' }]
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'nmi' }
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  emulator.load([
    { apiVersion, kind: 'ClusterRole', metadata: { name: 'nmi' }, rules },
    { apiVersion, kind: 'ClusterRoleBinding', metadata: { name: 'nmi' }, roleRef, subjects },
  ])
  await watched.store.whenSynced(NEVER)
  await assert.rejects(createDirectReads(rest).secret('default', 's', NEVER), { status: 403 })
})

test('pages of a large list come in through a server without streamed lists', async (t) => {
  const { emulator, rest } = await world(t)
  const names = Array.from({ length: 1_234 }, (_, number) => `pod-${number}`)
  emulator.load(names.map((name) => pod(name)))
  emulator.faults.add({
    match: { verb: 'watch', resource: 'pods' },
    action: { kind: 'status', code: 422 },
    count: 1,
  })
  const { watched, until, keys } = await follow(t, rest, agentPods())
  await watched.store.whenSynced(NEVER)
  assert.equal(keys().length, 1_234)
  emulator.load([pod('late')])
  await until(() => keys().length === 1_235)
})

test('a kubeconfig connects as kubectl does, with a token and with a client certificate', async (t) => {
  const { emulator, directory } = await world(t)
  emulator.load([pod('a')])
  const certificate = await emulator.clientCertificate('admin', ['system:masters'])
  const withToken = emulator.kubeconfig()
  const config = parse(withToken) as { users: { user: object }[] }
  const [entry] = config.users
  assert.ok(entry !== undefined)
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
  entry.user = {
    'client-certificate-data': base64(certificate.certificatePem),
    'client-key-data': base64(certificate.keyPem),
  }
  for (const text of [withToken, JSON.stringify(config)]) {
    const path = join(directory, 'kubeconfig')
    await writeFile(path, text)
    const connection = await kubeconfigConnection(path)
    const reads = createDirectReads(createRest(connection, systemClock))
    assert.equal((await reads.pod('default', 'a', NEVER))?.name, 'a')
    assert.equal(await reads.pod('default', 'none', NEVER), undefined)
    assert.deepEqual(
      (await reads.podsOfNode('node-0', NEVER)).map((each) => each.name),
      ['a'],
    )
    connection.close()
  }
  await assert.rejects(kubeconfigConnection(join(directory, 'missing')), /cannot read the kubeconfig/)
})

function draft(state: 'Created' | 'Assigned'): AssignedIdentityDraft {
  const { namespace, name, pod, podNamespace, nodeName } = makeAssigned()
  const status = { state, reason: '', message: '' }
  return {
    namespace,
    name,
    pod,
    podNamespace,
    nodeName,
    identity: makeIdentity(),
    binding: makeBinding(),
    status,
  }
}

/** The one AzureAssignedIdentity as podid reads it. */
function storedIn(emulator: KubeEmulator) {
  const [object] = emulator.objects('azureassignedidentities', API_GROUP)
  return object === undefined ? undefined : azureAssignedIdentities().project(object)
}

/** The chart's CRD, or one whose status is a subresource. */
async function assignedIdentityCrd(apart: boolean): Promise<object> {
  const crd = parse(await readFile(new URL('azureassignedidentities.yaml', CRDS), 'utf8')) as {
    spec: { versions: { subresources?: object }[] }
  }
  if (apart) for (const version of crd.spec.versions) version.subresources = { status: {} }
  return crd
}

for (const apart of [false, true]) {
  const kind = apart ? 'with a status subresource' : 'as the chart has it'
  test(`an AzureAssignedIdentity is written, renewed, told its status, and taken away (CRD ${kind})`, async (t) => {
    const { emulator, connection } = await world(t)
    emulator.load([(await assignedIdentityCrd(apart)) as never])
    const writer = createObjectWriter(connection, systemClock)
    const stored = () => storedIn(emulator)
    const statusOf = () => [stored()?.state, stored()?.reason, stored()?.message]
    const created = await writer.create(draft('Created'), NEVER)
    assert.ok(created.outcome === 'done')
    assert.deepEqual(stored()?.problems, [])
    assert.equal(stored()?.state, 'Created')
    assert.equal(stored()?.resourceVersion, created.resourceVersion)
    assert.equal((await writer.create(draft('Created'), NEVER)).outcome, 'conflict')

    const ref = { ...makeAssigned(), uid: created.uid, resourceVersion: created.resourceVersion }
    const status = { state: 'Assigned', reason: 'r', message: 'm' } as const
    const told = await writer.patchStatus(ref, status, NEVER)
    assert.ok(told.outcome === 'done')
    assert.deepEqual(statusOf(), ['Assigned', 'r', 'm'])
    assert.equal((await writer.patchStatus(ref, status, NEVER)).outcome, 'conflict', 'the version is old')

    const changed = {
      ...draft('Created'),
      identity: makeIdentity({ type: 1, tenantId: 't', clientPassword: { namespace: 'n', name: 's' } }),
    }
    assert.equal((await writer.replace(ref, changed, NEVER)).outcome, 'conflict')
    const renewed = await writer.replace({ ...ref, resourceVersion: told.resourceVersion }, changed, NEVER)
    assert.ok(renewed.outcome === 'done')
    assert.deepEqual(stored()?.identity.clientPassword, { namespace: 'n', name: 's' })
    const back = await writer.replace(
      { ...ref, resourceVersion: renewed.resourceVersion },
      draft('Created'),
      NEVER,
    )
    assert.ok(back.outcome === 'done')
    assert.equal(stored()?.identity.clientPassword, undefined, 'nothing of the old spec is left')
    assert.equal(stored()?.state, 'Created')

    const stranger = { ...ref, uid: '11111111-0000-0000-0000-000000000000' }
    assert.equal((await writer.delete(stranger, NEVER)).outcome, 'gone')
    assert.equal((await writer.removeFinalizer(stranger, NEVER)).outcome, 'gone')
    assert.equal((await writer.delete(ref, NEVER)).outcome, 'done')
    assert.equal(stored()?.deleting, true)
    assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'done')
    assert.equal(stored(), undefined)
    assert.equal((await writer.delete(ref, NEVER)).outcome, 'gone')
    assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'gone')
    assert.equal((await writer.patchStatus(ref, status, NEVER)).outcome, 'gone')
  })
}

test('a write to a cluster without the CRD is an error with its status, and so is a server that fails', async (t) => {
  const { emulator, connection } = await world(t)
  const writer = createObjectWriter(connection, systemClock)
  await assert.rejects(writer.create(draft('Created'), NEVER), (thrown) => isApiStatus(thrown, 404))
  const match = { resource: 'azureassignedidentities' }
  emulator.load([parse(await readFile(new URL('azureassignedidentities.yaml', CRDS), 'utf8')) as never])
  emulator.faults.add({ match, action: { kind: 'status', code: 503, retryAfterSeconds: 4 }, count: 1 })
  await assert.rejects(writer.create(draft('Created'), NEVER), { status: 503, retryAfterSeconds: 4 })
  emulator.faults.add({ match, action: { kind: 'reset' }, count: 1 })
  await assert.rejects(writer.create(draft('Created'), NEVER), { name: 'KubeUnreachableError' })
  emulator.faults.add({ match, action: { kind: 'stall' }, count: 1 })
  const stop = new AbortController()
  const stalled = assert.rejects(writer.create(draft('Created'), stop.signal), /enough/)
  setImmediate(() => stop.abort(new Error('enough')))
  await stalled
})

test('the finalizer of somebody else stays when podid takes its own away', async (t) => {
  const { emulator, connection } = await world(t, ['azureassignedidentities.yaml'])
  const writer = createObjectWriter(connection, systemClock)
  const created = await writer.create(draft('Created'), NEVER)
  assert.ok(created.outcome === 'done')
  const ref = { ...makeAssigned(), ...created }
  const path = `/apis/${API_GROUP}/v1/namespaces/${ref.namespace}/azureassignedidentities/${ref.name}`
  const finalizers = ['example.com/other', 'azureassignedidentity.finalizers.aadpodidentity.k8s.io']
  const options = {
    body: { metadata: { finalizers } },
    contentType: 'application/merge-patch+json',
    signal: NEVER,
  }
  await createRest(connection, systemClock).send('PATCH', path, options)
  assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'done')
  const [object] = emulator.objects('azureassignedidentities', API_GROUP)
  assert.deepEqual(object?.metadata.finalizers, ['example.com/other'])
})

test('equal Events are one Event in the API, counted, also after a restart', async (t) => {
  const { emulator, connection } = await world(t)
  for (const expected of [2, 4]) {
    const written = Promise.withResolvers<undefined>()
    const recorder = createEventRecorder({
      writer: createEventWriter(connection, systemClock),
      clock: systemClock,
      log: silentLog,
      metrics: {
        eventWritten: () => written.resolve(undefined),
        eventLost: (cause) => written.reject(new Error(cause)),
      },
      component: 'podid-mic',
    })
    const target = { kind: 'Pod', namespace: 'default', name: 'web', uid: 'uid-1' } as const
    recorder.emit(target, 'Warning', 'NotAssignedYet', 'wait')
    recorder.emit(target, 'Warning', 'NotAssignedYet', 'wait')
    await written.promise
    await recorder.stop()
    const events = emulator.objects('events') as readonly { [field: string]: unknown }[]
    assert.deepEqual(
      events.map((event) => [event['reason'], event['message'], event['count']]),
      [['NotAssignedYet', 'wait', expected]],
    )
  }
})

test('two candidates over real locks: one leads, and after its stop the other does', async (t) => {
  const { emulator, rest } = await world(t)
  const locks = () => [
    leaseLock(rest, 'default', 'podid-mic'),
    legacyLock(rest, 'default', 'aad-pod-identity-mic'),
  ]
  const start = (identity: string) => {
    const election = createLeaderElection({
      locks: locks(),
      identity,
      leaseDurationMs: 15_000,
      renewDeadlineMs: 10_000,
      retryMs: 20,
      clock: systemClock,
      log: silentLog,
    })
    const stop = new AbortController()
    const leads = Promise.withResolvers<undefined>()
    const ended = election.contend(async (signal) => {
      leads.resolve(undefined)
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }, stop.signal)
    return { stop, leads: leads.promise, ended, election }
  }
  const first = start('first')
  await first.leads
  const second = start('second')
  const [lease] = emulator.objects('leases', 'coordination.k8s.io') as readonly {
    spec?: { holderIdentity?: string }
  }[]
  assert.equal(lease?.spec?.holderIdentity, 'first')
  const endpoints = emulator
    .objects('endpoints')
    .find((each) => each.metadata.name === 'aad-pod-identity-mic')
  const annotation = endpoints?.metadata.annotations?.['control-plane.alpha.kubernetes.io/leader'] ?? '{}'
  const record = JSON.parse(annotation) as Record<string, unknown>
  assert.deepEqual([record['holderIdentity'], record['leaseDurationSeconds']], ['first', 15])
  assert.match(String(record['renewTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  first.stop.abort(new Error('stop'))
  await first.ended
  assert.equal(first.election.leading(), false)
  await second.leads
  second.stop.abort(new Error('stop'))
  await second.ended
})
