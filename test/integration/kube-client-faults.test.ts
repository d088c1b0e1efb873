/**
 * The Kubernetes client room against an API server that misbehaves, or is set up, as only the emulator can be
 * told to. What it has to do with every API server is in test/kube-cases/.
 */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { type KubeEmulator, startKubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { systemClock } from '../../src/base/clock.ts'
import { isApiStatus } from '../../src/kube/connection.ts'
import { createDirectReads } from '../../src/kube/direct-reads.ts'
import { kubeconfigConnection } from '../../src/kube/kubeconfig.ts'
import { createObjectWriter } from '../../src/kube/object-writer.ts'
import { agentPods } from '../../src/kube/resources/pods.ts'
import { createRest } from '../../src/kube/rest.ts'
import { API_GROUP } from '../../src/model/names.ts'
import type { Json } from '../harness/kube-http.ts'
import { draftIn, liveAssigned } from '../kube-cases/assigned-writes.ts'
import { type ClientRoom, follow, NEVER, openClientRoom } from '../kube-cases/client-room.ts'

const CRDS = new URL('../../charts/podid/crds/', import.meta.url)

/** An API server without any of podid's kinds. */
async function world(t: TestContext): Promise<ClientRoom & { readonly emulator: KubeEmulator }> {
  const emulator = await startKubeEmulator()
  const room = await openClientRoom(t, emulator)
  t.after(() => emulator.close())
  return { emulator, ...room }
}

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName: 'node-0', containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
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

test('a kubeconfig with a client certificate connects as kubectl does', async (t) => {
  const { emulator, directory } = await world(t)
  emulator.load([pod('a')])
  const certificate = await emulator.clientCertificate('admin', ['system:masters'])
  const config = parse(emulator.kubeconfig()) as { users: { user: object }[] }
  const [entry] = config.users
  assert.ok(entry !== undefined)
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64')
  entry.user = {
    'client-certificate-data': base64(certificate.certificatePem),
    'client-key-data': base64(certificate.keyPem),
  }
  const path = join(directory, 'kubeconfig')
  await writeFile(path, JSON.stringify(config))
  const connection = await kubeconfigConnection(path)
  t.after(() => connection.close())
  const reads = createDirectReads(createRest(connection, systemClock))
  assert.equal((await reads.pod('default', 'a', NEVER))?.name, 'a')
})

interface Definition extends Record<string, unknown> {
  readonly spec: {
    readonly versions: {
      subresources?: object
      schema: { openAPIV3Schema: { properties: { status: { properties: Record<string, unknown> } } } }
    }[]
  }
}

async function assignedIdentityCrd(): Promise<Definition> {
  return parse(await readFile(new URL('azureassignedidentities.yaml', CRDS), 'utf8')) as Definition
}

for (const apart of [false, true]) {
  const kind = apart ? 'a CRD with a status subresource' : 'a CRD without a status subresource'
  test(`an AzureAssignedIdentity is written, renewed, told its status, and taken away, with ${kind}`, async (t) => {
    const { emulator, connection } = await world(t)
    const crd = await assignedIdentityCrd()
    for (const version of crd.spec.versions) {
      if (apart) version.subresources = { status: {} }
      else delete version.subresources
    }
    emulator.load([crd])
    const items = () => emulator.objects('azureassignedidentities', API_GROUP) as unknown as readonly Json[]
    await liveAssigned(connection, 'default', () => Promise.resolve(items()))
  })
}

test('a definition of AAD Pod Identity keeps the state of a status and drops its reason, and the write counts', async (t) => {
  const { emulator, connection } = await world(t)
  const crd = await assignedIdentityCrd()
  for (const version of crd.spec.versions) {
    delete version.subresources
    const { properties } = version.schema.openAPIV3Schema.properties.status
    delete properties['reason']
    delete properties['message']
  }
  emulator.load([crd])
  const writer = createObjectWriter(connection, systemClock)
  const created = await writer.create(draftIn('default', 'Created'), NEVER)
  assert.ok(created.outcome === 'done')
  const ref = { ...draftIn('default', 'Created'), uid: created.uid, resourceVersion: created.resourceVersion }
  const status = { state: 'Created', reason: 'assignment-failed', message: 'why' } as const
  assert.equal((await writer.patchStatus(ref, status, NEVER)).outcome, 'done')
  const [object] = emulator.objects('azureassignedidentities', API_GROUP) as unknown as readonly Json[]
  assert.deepEqual(object?.status, { status: 'Created', availableReplicas: 1 })
})

test('a write to a cluster without the CRD is an error with its status, and so is a server that fails', async (t) => {
  const { emulator, connection } = await world(t)
  const writer = createObjectWriter(connection, systemClock)
  const create = (signal = NEVER) => writer.create(draftIn('default', 'Created'), signal)
  await assert.rejects(create(), (thrown) => isApiStatus(thrown, 404))
  const match = { resource: 'azureassignedidentities' }
  emulator.load([await assignedIdentityCrd()])
  emulator.faults.add({ match, action: { kind: 'status', code: 503, retryAfterSeconds: 4 }, count: 1 })
  await assert.rejects(create(), { status: 503, retryAfterSeconds: 4 })
  emulator.faults.add({ match, action: { kind: 'reset' }, count: 1 })
  await assert.rejects(create(), { name: 'KubeUnreachableError' })
  emulator.faults.add({ match, action: { kind: 'stall' }, count: 1 })
  const stop = new AbortController()
  const stalled = assert.rejects(create(stop.signal), /enough/)
  setImmediate(() => stop.abort(new Error('enough')))
  await stalled
})
