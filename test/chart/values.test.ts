import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { chartValues } from '../../scripts/documents/chart-page.ts'
import { createHelm } from '../harness/helm.ts'
import { CHART, podOf, refusal, render, type Values, WORKLOADS } from './chart.ts'
import { keyVaultFlags, micFlags, nmiFlags } from './flags.ts'

const helm = await createHelm()
after(() => helm.close())

const file = (name: string): string => readFileSync(join(CHART, name), 'utf8')

test('helm lint has nothing to say', async () => {
  assert.doesNotMatch(await helm.ok(['lint', '--strict', CHART]), /WARNING|ERROR/)
})

test('chart, app and package have one version', () => {
  const chart = parse(file('Chart.yaml')) as { version: string; appVersion: string }
  assert.deepEqual([chart.version, chart.appVersion], [packageJson.version, packageJson.version])
})

interface Schema {
  readonly type?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

/** Dotted paths of the values that a schema knows. */
function pathsOf(schema: Schema, prefix = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) =>
    inner.properties === undefined ? [prefix + name] : pathsOf(inner, `${prefix}${name}.`),
  )
}

/** Known to the schema and not in values.yaml: names of old charts, and what is inside a free value. */
const OF_OLD_CHARTS = ['forceNameSpaced', 'installCRDs', 'global']
const WHOLE = [
  'adminsecret',
  'mic.podDisruptionBudget',
  'nmi.updateStrategy',
  'keyvaultProvider.updateStrategy',
]
const FREE = /^(adminsecret|mic\.podDisruptionBudget|(mic|nmi|keyvaultProvider)\.updateStrategy)\./

test('the schema knows exactly the values that values.yaml has, and nothing is taken unseen', () => {
  const schema = JSON.parse(file('values.schema.json')) as Schema
  const known = pathsOf(schema).filter((path) => !OF_OLD_CHARTS.includes(path) && !FREE.test(path))
  const written = chartValues(file('values.yaml'))
    .filter((each) => 'default' in each)
    .map(({ path }) => path)
    .filter((path) => !WHOLE.includes(path))
  assert.deepEqual(known.sort(), written.sort())
  const open = (each: Schema): boolean =>
    each.properties !== undefined &&
    (each.additionalProperties !== false || Object.values(each.properties).some(open))
  assert.equal(open(schema), false)
})

const WRONG: readonly (readonly [values: Values, says: RegExp])[] = [
  [{ mic: { replica: 3 } }, /'\/mic': additional properties 'replica' not allowed/],
  [{ bogus: 1 }, /additional properties 'bogus' not allowed/],
  [{ operationMode: 'both' }, /'\/operationMode': value must be one of 'standard', 'managed'/],
  [{ nmi: { probePort: 'x' } }, /'\/nmi\/probePort'/],
  [{ nmi: { port: 70_000 } }, /'\/nmi\/port': maximum: got 70,000, want 65,535/],
  [{ mic: { syncRetryDuration: '3600' } }, /'\/mic\/syncRetryDuration': '3600' does not match/],
  [{ forceNamespaced: 'maybe' }, /'\/forceNamespaced': value must be one of true, false/],
  [{ azureIdentities: { a: { type: 7 } } }, /'\/azureIdentities\/a\/type': value must be one of 0, 1, 2/],
  [{ azureIdentities: { a: { binding: {} } } }, /a\/binding': missing property 'selector'/],
  [{ image: { digest: 'sha256:1' } }, /'\/image\/digest'/],
  [{ rbac: { secrets: [{ namespace: 'a' }] } }, /'\/rbac\/secrets\/0': missing property 'names'/],
  [{ nmi: { extraArgs: ['hold-limit=3s'] } }, /'\/nmi\/extraArgs\/0'/],
  // Kubernetes wants a dnsConfig with it, which no value gives.
  [{ nmi: { dnsPolicy: 'None' } }, /'\/nmi\/dnsPolicy': value must be one of/],
  [{ keyvaultProvider: { dnsPolicy: 'None' } }, /'\/keyvaultProvider\/dnsPolicy': value must be one of/],
  [{ adminsecret: { password: 'x' } }, /'\/adminsecret': additional properties 'password' not allowed/],
  [{ keyvaultProvider: { enabled: 'yes' } }, /'\/keyvaultProvider\/enabled': got string, want boolean/],
  [{ keyvaultProvider: { linux: {} } }, /'\/keyvaultProvider': additional properties 'linux' not allowed/],
  [{ keyvaultProvider: { healthzPort: 70_000 } }, /healthzPort': maximum: got 70,000, want 65,535/],
  [{ keyvaultProvider: { healthzTimeout: '5' } }, /healthzTimeout': '5' does not match/],
  [{ keyvaultProvider: { providersDir: 'run' } }, /providersDir': 'run' does not match pattern '\^\/'/],
  [
    { keyvaultProvider: { podIdentityEndpoint: '/run/x.sock' } },
    /podIdentityEndpoint': '\/run\/x.sock' does not/,
  ],
  [
    { keyvaultProvider: { updateStrategy: { rollingUpdate: { maxSurge: 1 } } } },
    /rollingUpdate': additional properties 'maxSurge' not allowed/,
  ],
]

test('a value that the chart does not know, or a wrong one, is refused by its path', async () => {
  for (const [values, says] of WRONG) assert.match(await refusal(helm, values), says)
})

const MATRIX: readonly Values[] = [
  {},
  { operationMode: 'managed' },
  { rbac: { enabled: false } },
  { rbac: { allowAccessToSecrets: false, createUserFacingClusterRoles: true } },
  { rbac: { allowAccessToAllSecrets: true } },
  { crds: { upgrade: false }, uninstall: { drain: false, removeRules: false } },
  { podMonitor: { enabled: true }, networkPolicy: { enabled: true, metricsFrom: [{ podSelector: {} }] } },
  { caBundle: { configMap: 'ca' }, adminsecret: { useMSI: 'true' }, customUserAgent: 'x' },
  { mic: { cloudConfigSecret: { name: 'azure' }, extraArgs: ['--arm-calls-per-hour=10'], hostAliases: [] } },
  { mic: { customCloud: { enabled: true } }, adminsecret: { cloud: 'AzureStackCloud' } },
  { mic: { clientQps: 10_000, extraEnv: [{ name: 'A', value: 'b' }], replicas: 1 } },
  {
    nmi: {
      listenAddress: '$(HOST_IP)',
      legacyIptables: false,
      extraArgs: ['--hold-limit=30s'],
      audit: false,
    },
  },
  { keyvaultProvider: { enabled: true } },
  {
    keyvaultProvider: {
      enabled: true,
      hostNetwork: true,
      podIdentityEndpoint: 'http://127.0.0.1:2579',
      cloudName: 'AzureStackCloud',
      volumes: [{ name: 'cloud', configMap: { name: 'cloud' } }],
      volumeMounts: [{ name: 'cloud', mountPath: '/etc/kubernetes' }],
      extraArgs: ['--max-mounts=10'],
      loggingFormat: 'json',
      logVerbosity: 5,
    },
    networkPolicy: { enabled: true },
  },
  {
    operationMode: 'managed',
    rbac: { enabled: false },
    keyvaultProvider: { enabled: true, constructPEMChain: false, cloudEnvFolder: '/etc/cloud' },
    caBundle: { configMap: 'ca' },
    networkPolicy: { enabled: true },
    podMonitor: { enabled: true },
  },
  { nmi: { nodeSelector: {}, affinity: {}, tolerations: [], podAnnotations: { a: 'b' }, resources: {} } },
]

test('over a matrix of values every object has a name, its labels and a namespace where it needs one', async () => {
  const clusterWide = ['ClusterRole', 'ClusterRoleBinding']
  for (const values of MATRIX) {
    const { objects } = await render(helm, values)
    const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`)
    assert.equal(new Set(names).size, names.length, 'an object that is there twice')
    for (const { kind, metadata } of objects) {
      assert.match(metadata.name, /^podid(-[a-z-]+)?$/)
      assert.equal(metadata.labels?.['app.kubernetes.io/instance'], 'podid', metadata.name)
      assert.equal(metadata.namespace === undefined, clusterWide.includes(kind), `${kind} ${metadata.name}`)
    }
    for (const workload of objects.filter(({ kind }) => WORKLOADS.includes(kind))) {
      const { volumes = [], containers, initContainers = [] } = podOf(workload)
      const there = new Set(volumes.map(({ name }) => name))
      const used = [...containers, ...initContainers].flatMap(({ volumeMounts }) => volumeMounts ?? [])
      assert.deepEqual(new Set(used.map(({ name }) => name)), there, workload.metadata.name)
    }
  }
})

test('over a matrix of values podid itself understands every flag that it is given', async () => {
  for (const values of MATRIX) {
    const rendered = await render(helm, values)
    const nmi = nmiFlags(rendered.pod('DaemonSet', '-nmi').containers[0])
    for (const each of rendered.all('Deployment')) micFlags(podOf(each).containers[0])
    for (const each of rendered.all('Job').filter(({ metadata }) => metadata.name.endsWith('-drain'))) {
      assert.equal(micFlags(podOf(each).containers[0]).drain, true)
    }
    for (const each of rendered
      .all('DaemonSet')
      .filter(({ metadata }) => metadata.name.endsWith('-provider'))) {
      keyVaultFlags(podOf(each).containers[0])
    }
    for (const { initContainers } of rendered.all('DaemonSet').map(podOf)) {
      for (const each of initContainers ?? []) assert.equal(nmiFlags(each).cleanup, true)
    }
    assert.equal(nmi.node, '$(NODE_NAME)')
  }
})

test('the priority classes of the system are the default, and any other or none can be set', async () => {
  const rendered = await render(helm)
  assert.equal(rendered.pod('DaemonSet', '-nmi').priorityClassName, 'system-node-critical')
  assert.equal(rendered.pod('Deployment', '-mic').priorityClassName, 'system-cluster-critical')
  const other = await render(helm, { mic: { priorityClassName: '' }, nmi: { priorityClassName: 'own' } })
  assert.equal(other.pod('DaemonSet', '-nmi').priorityClassName, 'own')
  assert.equal(other.pod('Deployment', '-mic').priorityClassName, undefined)
})

test('agents and what cleans up after them stay off virtual nodes, unless an affinity of the user says otherwise', async () => {
  const terms = [{ matchExpressions: [{ key: 'type', operator: 'NotIn', values: ['virtual-kubelet'] }] }]
  const node = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } }
  const own = { podAffinity: {} }
  for (const [affinity, expected] of [
    [{}, { nodeAffinity: node }],
    [null, { nodeAffinity: node }],
    [own, own],
  ]) {
    const rendered = await render(helm, { nmi: { affinity } })
    for (const name of ['-nmi', '-cleanup'])
      assert.deepEqual(rendered.pod('DaemonSet', name).affinity, expected, name)
  }
})

test('a bundle of certificate authorities is mounted in both components and named to Node', async () => {
  const rendered = await render(helm, { caBundle: { configMap: 'azure-ca' } })
  for (const [kind, name] of [
    ['DaemonSet', '-nmi'],
    ['Deployment', '-mic'],
    ['Job', '-drain'],
  ] as const) {
    const { containers, volumes } = rendered.pod(kind, name)
    const env = containers[0].env?.find((each) => each.name === 'NODE_EXTRA_CA_CERTS')
    assert.equal(env?.value, '/etc/podid/ca/ca.crt')
    assert.ok(containers[0].volumeMounts?.some(({ mountPath }) => mountPath === '/etc/podid/ca'))
    assert.ok(volumes?.some((each) => each.name === 'ca'))
  }
})

test('the network policy of MIC lets in metrics alone, and out to name servers, HTTPS, the API server and IMDS', async () => {
  const values = { networkPolicy: { enabled: true, apiServerPorts: [6443] } }
  const closed = (await render(helm, values)).one('NetworkPolicy', '-mic')['spec']
  const { ingress, egress, policyTypes } = closed as Record<string, { ports: { port: unknown }[] }[]>
  assert.deepEqual(policyTypes, ['Ingress', 'Egress'])
  assert.deepEqual(ingress, [])
  const ports = egress?.map((rule) => rule.ports.map(({ port }) => port))
  assert.deepEqual(ports, [[53, 53], [443, 6443], [80], [2579]])
})
