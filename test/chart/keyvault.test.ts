import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createHelm } from '../harness/helm.ts'
import { notes, type Rendered, refusal, render, type Values } from './chart.ts'
import { keyVaultFlags, nmiFlags } from './flags.ts'

const helm = await createHelm()
after(() => helm.close())

const NAME = '-keyvault-provider'
const SOCKET = '/var/run/podid/host.sock'

const withProvider = (values: Values = {}, others: Values = {}): Promise<Rendered> =>
  render(helm, { ...others, keyvaultProvider: { enabled: true, ...values } })

const mountsOf = (rendered: Rendered, name: string): [string, string | undefined, boolean][] => {
  const { containers, volumes = [] } = rendered.pod('DaemonSet', name)
  return (containers[0].volumeMounts ?? []).map((mount) => [
    mount.mountPath,
    volumes.find((each) => each.name === mount.name)?.hostPath?.path,
    mount.readOnly === true,
  ])
}

test('the Key Vault provider is off by default, and nothing of it is there', async () => {
  const plain = await render(helm)
  assert.doesNotMatch(JSON.stringify(plain.objects), /keyvault|secrets-store|host-door/i)
  const same = await render(helm, { keyvaultProvider: { hostNetwork: true, logVerbosity: 7 } })
  assert.deepEqual(same.objects, plain.objects)
  assert.doesNotMatch(await notes(helm), /Key Vault/)
})

test('the provider adds one DaemonSet and no right, and changes nothing but the node agent', async () => {
  const [plain, rendered] = [await render(helm), await withProvider()]
  const added = rendered.objects.filter(
    (each) => !plain.objects.some((other) => JSON.stringify(other) === JSON.stringify(each)),
  )
  assert.deepEqual(added.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort(), [
    'DaemonSet podid-keyvault-provider',
    'DaemonSet podid-nmi',
  ])
  assert.equal(rendered.objects.length, plain.objects.length + 1)
})

test('the Key Vault provider is root without a capability, a network of the node or an account, with two folders of the host', async () => {
  const rendered = await withProvider()
  const pod = rendered.pod('DaemonSet', NAME)
  assert.deepEqual(pod.securityContext, {
    runAsNonRoot: false,
    runAsUser: 0,
    runAsGroup: 0,
    seccompProfile: { type: 'RuntimeDefault' },
  })
  assert.deepEqual(pod.containers[0].securityContext, {
    allowPrivilegeEscalation: false,
    privileged: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  assert.equal(pod.hostNetwork, undefined)
  assert.equal(pod.automountServiceAccountToken, false)
  assert.equal(pod.serviceAccountName, undefined)
  assert.deepEqual(mountsOf(rendered, NAME), [
    ['/provider', '/var/run/secrets-store-csi-providers', false],
    ['/var/run/podid', '/var/run/podid', true],
  ])
})

test('every field of the security contexts of the provider can be set', async () => {
  const rendered = await withProvider({
    podSecurityContext: { seLinuxOptions: { type: 'spc_t' } },
    securityContext: { privileged: true, allowPrivilegeEscalation: true },
  })
  const { securityContext, containers } = rendered.pod('DaemonSet', NAME)
  assert.deepEqual(securityContext['seLinuxOptions'], { type: 'spc_t' })
  assert.equal(securityContext['runAsUser'], 0)
  assert.deepEqual(containers[0].securityContext, {
    allowPrivilegeEscalation: true,
    privileged: true,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})

test('the node agent answers on a socket that the provider asks, in one folder of the node', async () => {
  const rendered = await withProvider()
  const agent = rendered.pod('DaemonSet', '-nmi').containers[0]
  const provider = rendered.pod('DaemonSet', NAME).containers[0]
  assert.equal(nmiFlags(agent)['host-door-socket'], SOCKET)
  assert.equal(keyVaultFlags(provider)['pod-identity-endpoint'], `unix://${SOCKET}`)
  const folder = mountsOf(rendered, '-nmi').find(([path]) => path === '/var/run/podid')
  assert.deepEqual(folder, ['/var/run/podid', '/var/run/podid', false])
})

test('an agent on its port is asked over the network of the node, and refused without it', async () => {
  const podIdentityEndpoint = 'http://127.0.0.1:2579'
  const rendered = await withProvider({ hostNetwork: true, podIdentityEndpoint })
  const pod = rendered.pod('DaemonSet', NAME)
  assert.equal(pod.hostNetwork, true)
  assert.equal(keyVaultFlags(pod.containers[0])['pod-identity-endpoint'], podIdentityEndpoint)
  assert.deepEqual(
    mountsOf(rendered, NAME).map(([path]) => path),
    ['/provider'],
  )
  for (const endpoint of [podIdentityEndpoint, 'http://localhost:2579']) {
    const said = await refusal(helm, { keyvaultProvider: { enabled: true, podIdentityEndpoint: endpoint } })
    assert.match(said, /keyvaultProvider\.podIdentityEndpoint \S+ is the node's own address: it needs /)
  }
})

test('values of the provider reach its pods and its flags', async () => {
  const rendered = await withProvider(
    {
      healthzPort: 8990,
      healthzPath: '/health',
      healthzTimeout: '7s',
      prometheusPort: 8899,
      maxAnswerBytes: 16 * 1024 * 1024,
      providersDir: '/etc/kubernetes/secrets-store-csi-providers',
      constructPEMChain: false,
      writeCertAndKeyInSeparateFiles: true,
      cloudName: 'AzureChinaCloud',
      cloudEnvFolder: '/etc/cloud',
      logVerbosity: 5,
      loggingFormat: 'json',
      priorityClassName: 'own',
      podLabels: { team: 'a' },
      podAnnotations: { note: 'b' },
      nodeSelector: { pool: 'c' },
      tolerations: [],
      affinity: {},
      resources: { limits: { memory: '1Gi' } },
      extraArgs: ['--max-mounts=9'],
      extraEnv: [{ name: 'A', value: 'b' }],
      proxy: { httpsProxy: 'http://proxy.example:3128', noProxy: '.internal' },
    },
    { image: { repository: 'registry.example.com/team' }, customUserAgent: 'shop/1' },
  )
  const pod = rendered.pod('DaemonSet', NAME)
  const [container] = pod.containers
  const flags = keyVaultFlags(container)
  assert.equal(flags.endpoint, 'unix:///provider/azure.sock')
  assert.equal(flags['healthz-port'], 8990)
  assert.equal(flags['healthz-path'], '/health')
  assert.equal(flags['healthz-timeout'], 7_000)
  assert.equal(flags['prometheus-port'], 8899)
  assert.equal(flags['max-answer-bytes'], 16_777_216)
  assert.equal(flags['construct-pem-chain'], false)
  assert.equal(flags['write-cert-and-key-in-separate-files'], true)
  assert.equal(flags['cloud-name'], 'AzureChinaCloud')
  assert.equal(flags['cloud-env-folder'], '/etc/cloud')
  assert.equal(flags['custom-user-agent'], 'shop/1')
  assert.equal(flags.v, 5)
  assert.equal(flags['log-format'], 'json')
  assert.equal(flags['max-mounts'], 9)
  assert.equal(container.image, rendered.pod('DaemonSet', '-nmi').containers[0].image)
  assert.deepEqual(
    container.ports?.map(({ name, containerPort }) => `${name} ${containerPort}`),
    ['probes 8990', 'metrics 8899'],
  )
  assert.deepEqual(container.resources, {
    requests: { cpu: '50m', memory: '100Mi' },
    limits: { cpu: '500m', memory: '1Gi' },
  })
  assert.equal(mountsOf(rendered, NAME)[0]?.[1], '/etc/kubernetes/secrets-store-csi-providers')
  assert.equal(pod.priorityClassName, 'own')
  assert.deepEqual(pod.nodeSelector, { 'kubernetes.io/os': 'linux', pool: 'c' })
  assert.equal(pod.tolerations, undefined)
  assert.deepEqual(Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value])), {
    HTTPS_PROXY: 'http://proxy.example:3128',
    NO_PROXY: '127.0.0.1,localhost,169.254.169.254,.internal',
    A: 'b',
  })
  const { template } = rendered.one('DaemonSet', NAME)['spec'] as {
    template: { metadata: { labels: Record<string, string>; annotations: unknown } }
  }
  assert.equal(template.metadata.labels['team'], 'a')
  assert.deepEqual(template.metadata.annotations, { note: 'b' })
  const own = await withProvider({ customUserAgent: 'x' }, { customUserAgent: 'shop/1' })
  assert.equal(keyVaultFlags(own.pod('DaemonSet', NAME).containers[0])['custom-user-agent'], 'x')
})

test('without values the provider has the ports, folders and settings of the old chart', async () => {
  const pod = (await withProvider()).pod('DaemonSet', NAME)
  const flags = keyVaultFlags(pod.containers[0])
  assert.equal(flags['healthz-port'], 8989)
  assert.equal(flags['healthz-path'], '/healthz')
  assert.equal(flags['healthz-timeout'], 5_000)
  assert.equal(flags['prometheus-port'], 8898)
  assert.equal(flags['construct-pem-chain'], true)
  assert.equal(flags['write-cert-and-key-in-separate-files'], false)
  assert.equal(flags['cloud-name'], 'AzurePublicCloud')
  assert.equal(pod.priorityClassName, 'system-node-critical')
  assert.deepEqual(pod.tolerations, [{ operator: 'Exists' }])
  assert.deepEqual(pod.nodeSelector, { 'kubernetes.io/os': 'linux' })
})

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

test('the provider lives by its own answer and is ready by /readyz, on one port', async () => {
  const pod = (await withProvider({ healthzPath: '/health' })).pod('DaemonSet', NAME)
  const probes = pod.containers[0] as unknown as Readonly<Record<string, Probe>>
  for (const [name, path] of [
    ['startupProbe', '/health'],
    ['livenessProbe', '/health'],
    ['readinessProbe', '/readyz'],
  ] as const) {
    assert.deepEqual(probes[name]?.httpGet, { path, port: 'probes' }, name)
  }
})

test('the network policy of the provider lets in metrics alone, and out to name servers and HTTPS', async () => {
  const policy = { networkPolicy: { enabled: true, metricsFrom: [{ podSelector: {} }] } }
  const { spec } = (await withProvider({}, policy)).one('NetworkPolicy', NAME)
  const { ingress, egress, policyTypes } = spec as Record<string, { ports: { port: unknown }[] }[]>
  const portsOf = (rules: typeof ingress): unknown[][] =>
    (rules ?? []).map(({ ports }) => ports.map(({ port }) => port))
  assert.deepEqual(policyTypes, ['Ingress', 'Egress'])
  assert.deepEqual(portsOf(ingress), [['metrics']])
  assert.deepEqual(portsOf(egress), [[53, 53], [443]])
  // No policy reaches the network of the node.
  const onHost = await withProvider({ hostNetwork: true }, policy)
  assert.deepEqual(
    onHost.all('NetworkPolicy').map(({ metadata }) => metadata.name),
    ['podid-mic'],
  )
  assert.deepEqual((await render(helm, policy)).all('NetworkPolicy').length, 1)
})

test('the Prometheus operator finds the provider when it is there', async () => {
  const names = (rendered: Rendered): string[] =>
    rendered.all('PodMonitor').map(({ metadata }) => metadata.name)
  const on = { podMonitor: { enabled: true } }
  assert.deepEqual(names(await withProvider({}, on)), ['podid-nmi', 'podid-mic', 'podid-keyvault-provider'])
  assert.deepEqual(names(await render(helm, on)), ['podid-nmi', 'podid-mic'])
})

test('the notes say how to see that the provider is ready, and what it waits for', async () => {
  const text = await notes(helm, { keyvaultProvider: { enabled: true }, adminsecret: { useMSI: true } })
  assert.match(text, /rollout status daemonset\/podid-keyvault-provider/)
  assert.match(text, /waits, not ready, while another one has\s+\S+\/azure\.sock/)
  assert.doesNotMatch(text, /!/)
})
