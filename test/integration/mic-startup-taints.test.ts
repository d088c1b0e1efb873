/** `podid mic --startup-taint` against an API server, with the rights that it is given and no more. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import type { KubeEmulator } from '../../emulator/kube/kube-emulator.ts'
import { startTestKube } from '../harness/kube-emulator.ts'
import { type Json, type KubeHttp, kubeHttp } from '../harness/kube-http.ts'
import { Happenings } from '../harness/system-happenings.ts'
import { startPodid } from '../harness/system-process.ts'

const KEY = 'podid.dev/agent-not-ready'
const RBAC = new URL('../../deploy/rbac.yaml', import.meta.url)

/** What the flag needs beyond the roles of an installation without it. */
const RIGHTS = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'startup-taint' },
    rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['patch'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'startup-taint' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'startup-taint' },
    subjects: [{ kind: 'ServiceAccount', name: 'podid-mic', namespace: 'default' }],
  },
]

interface Place {
  readonly kube: KubeEmulator
  readonly http: KubeHttp
  /** The taints of a node, as `key:effect`. */
  taints(node: string): Promise<string[]>
  /** Resolves when the node's taints are these. */
  taintsAre(node: string, taints: readonly string[]): Promise<void>
  line(pattern: RegExp): Promise<string>
}

async function placeFor(t: TestContext, rights = RIGHTS): Promise<Place> {
  const kube = await startTestKube(t)
  const roles = parseAllDocuments(await readFile(RBAC, 'utf8')).map((each) => each.toJS() as Json | null)
  kube.load([...roles.filter((each) => each !== null), ...rights])
  const http = kubeHttp(t, kube)
  const folder = await mkdtemp(join(tmpdir(), 'podid-taint-'))
  t.after(() => rm(folder, { recursive: true }))
  const token = kube.issueToken({ namespace: 'default', serviceAccount: 'podid-mic' })
  await writeFile(join(folder, 'token'), token)
  await writeFile(join(folder, 'ca.crt'), kube.caPem)
  await writeFile(join(folder, 'azure.json'), '{"tenantId":"t","useManagedIdentityExtension":true}')
  const { hostname, port } = new URL(kube.url)
  const argv = ['mic', `--cloudconfig=${join(folder, 'azure.json')}`, `--startup-taint=${KEY}`]
  argv.push('--http-probe-port=0', '--prometheus-port=0', '--probe-address=127.0.0.1')
  const mic = startPodid(argv, {
    happenings: new Happenings(),
    env: {
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      SERVICE_ACCOUNT_DIRECTORY: folder,
    },
  })
  t.after(() => mic.stop())
  await mic.line(/leadership is won/)
  const path = (node: string): string => `/api/v1/nodes/${node}`
  const textOf = (node: Json): string[] =>
    ((node.spec?.['taints'] ?? []) as { key: string; effect: string }[]).map(
      (each) => `${each.key}:${each.effect}`,
    )
  return {
    kube,
    http,
    line: (pattern) => mic.line(pattern),
    taints: async (node) => textOf((await http.ask('GET', path(node))).json()),
    async taintsAre(node, wanted) {
      const watch = await http.watch(`/api/v1/nodes?watch=1&fieldSelector=metadata.name%3D${node}`)
      for (let event = await watch.next(); event !== undefined; event = await watch.next())
        if (textOf(event.object).join() === wanted.join()) break
      watch.close()
      assert.deepEqual(textOf((await http.ask('GET', path(node))).json()), wanted)
    },
  }
}

const nodeNamed = (name: string, ...taints: string[]) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, creationTimestamp: '2026-01-02T00:00:00Z' },
  spec: {
    taints: taints.map((each) => ({ key: each.split(':')[0], effect: each.split(':')[1] })),
  },
})

const readyCondition = ({ ready = true, readySince = '2026-01-02T00:00:05Z' }): object => ({
  type: 'Ready',
  status: ready ? 'True' : 'False',
  lastTransitionTime: readySince,
})

const agentOn = (
  node: string,
  fields: { ready?: boolean; kind?: string; readySince?: string; namespace?: string },
) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `nmi-${node}`,
    namespace: fields.namespace ?? 'default',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'app.kubernetes.io/component': 'nmi' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: fields.kind ?? 'DaemonSet', name: 'nmi', uid: 'u', controller: true },
    ],
  },
  spec: { nodeName: node, hostNetwork: true, containers: [{ name: 'nmi', image: 'podid' }] },
  status: {
    phase: 'Running',
    conditions: [readyCondition(fields)],
  },
})

test('a new node keeps its start-up taint until the agent on it is ready, and loses no other one', async (t) => {
  const place = await placeFor(t)
  const all = ['pool:NoSchedule', `${KEY}:NoSchedule`, 'late:NoExecute', `${KEY}:NoExecute`]
  place.kube.load([nodeNamed('a', ...all), agentOn('a', { ready: false })])
  // Another node goes through first, so the one with the agent that is not ready has been looked at.
  place.kube.load([nodeNamed('b', `${KEY}:NoSchedule`), agentOn('b', {})])
  await place.taintsAre('b', [])
  assert.deepEqual(await place.taints('a'), all)
  const status = { status: { conditions: [readyCondition({})] } }
  const path = '/api/v1/namespaces/default/pods/nmi-a/status'
  const contentType = 'application/merge-patch+json'
  assert.equal((await place.http.ask('PATCH', path, { body: status, contentType })).code, 200)
  await place.taintsAre('a', ['pool:NoSchedule', 'late:NoExecute'])
})

test('pods that only look like the agent, or are of an earlier node of that name, open no node', async (t) => {
  const place = await placeFor(t)
  const names = ['plain', 'elsewhere', 'old'] as const
  place.kube.load([
    ...names.map((name) => nodeNamed(name, `${KEY}:NoSchedule`)),
    agentOn('plain', { kind: 'ReplicaSet' }),
    agentOn('elsewhere', { namespace: 'kube-system' }),
    agentOn('old', { readySince: '2026-01-01T00:00:00Z' }),
  ])
  place.kube.load([nodeNamed('good', `${KEY}:NoSchedule`), agentOn('good', {})])
  await place.taintsAre('good', [])
  for (const name of names) assert.deepEqual(await place.taints(name), [`${KEY}:NoSchedule`], name)
})

test('without the right to patch nodes the taint stays, and the log says so', async (t) => {
  const place = await placeFor(t, [])
  place.kube.load([nodeNamed('a', `${KEY}:NoSchedule`), agentOn('a', {})])
  assert.match(
    await place.line(/the start-up taint stays for now/),
    /nodes \\?"?a\\?"? is forbidden|cannot patch/,
  )
  assert.deepEqual(await place.taints('a'), [`${KEY}:NoSchedule`])
})
