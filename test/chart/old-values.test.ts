import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { createHelm } from '../harness/helm.ts'
import { notes, OLD_VALUES, type Rendered, refusal, render, type Values } from './chart.ts'
import { micFlags, nmiFlags } from './flags.ts'

const VERSION: string = packageJson.version
const helm = await createHelm()
after(() => helm.close())

function oldValues(name: string): Values {
  return parse(readFileSync(join(OLD_VALUES, `${name}.yaml`), 'utf8')) as Values
}

const specOf = (rendered: Rendered, kind: string, name: string): unknown => rendered.one(kind, name)['spec']

test('values of AAD Pod Identity work as they are, and every image is podid', async () => {
  for (const file of readdirSync(OLD_VALUES)) {
    const values = oldValues(file.replace('.yaml', ''))
    const rendered = await render(helm, values)
    const nmi = rendered.pod('DaemonSet', '-nmi').containers[0]
    assert.equal(nmi.image, `localhost/podid:${VERSION}`, file)
    nmiFlags(nmi)
    if (values['operationMode'] !== 'managed') micFlags(rendered.pod('Deployment', '-mic').containers[0])
  }
})

test('the notes say which old values have another meaning, and the three next commands', async () => {
  const text = await notes(helm, oldValues('aks-managed-identity'))
  assert.match(
    text,
    /image.repository registry.example.com\/oss\/azure\/aad-pod-identity holds the images of/,
  )
  assert.match(text, /mic.tag v1.8.17 is a release of AAD Pod Identity; podid \S+ is used/)
  assert.match(text, /nmi.image: one image/)
  assert.match(text, /MIC runs as root to read \/etc\/kubernetes\/azure.json/)
  assert.equal(text.match(/^ {2}kubectl /gm)?.length, 3)
  assert.match(
    await notes(helm, oldValues('separate-principal')),
    /pspEnabled has no effect[\s\S]*enableScaleFeatures/,
  )
  assert.match(await notes(helm, oldValues('sparse')), /installCRDs has no effect/)
  assert.match(await notes(helm, oldValues('managed-mode')), /identities of type 1 and 2 get no tokens/)
  const quiet = await notes(helm, { adminsecret: { useMSI: true } })
  assert.doesNotMatch(quiet, /!/)
})

test('global values: names, mode, namespaces, user agent, pull secrets', async () => {
  const rendered = await render(helm, {
    nameOverride: 'aad-pod-identity',
    forceNamespaced: 'true',
    customUserAgent: 'shop/1',
    imagePullSecrets: [{ name: 'login' }],
    image: { repository: 'registry.example.com/team', tag: '9.9.9' },
    nmi: { tag: '9.9.8' },
  })
  // Name and selectors as the old chart had them: an upgrade in place rolls from node to node.
  const workload = rendered.one('DaemonSet', '-nmi')
  assert.equal(workload.metadata.name, 'podid-aad-pod-identity-nmi')
  assert.deepEqual((workload['spec'] as { selector: unknown }).selector, {
    matchLabels: {
      'app.kubernetes.io/name': 'aad-pod-identity',
      'app.kubernetes.io/instance': 'podid',
      'app.kubernetes.io/component': 'nmi',
    },
  })
  const nmi = rendered.pod('DaemonSet', '-nmi')
  const mic = rendered.pod('Deployment', '-mic')
  assert.equal(nmi.containers[0].image, 'registry.example.com/team/podid:9.9.8')
  assert.equal(mic.containers[0].image, 'registry.example.com/team/podid:9.9.9')
  for (const pod of [nmi, mic]) assert.deepEqual(pod.imagePullSecrets, [{ name: 'login' }])
  for (const flags of [nmiFlags(nmi.containers[0]), micFlags(mic.containers[0])]) {
    assert.equal(flags.forceNamespaced, true)
    assert.equal(flags['custom-user-agent'], 'shop/1')
  }
  const digest = `sha256:${'a'.repeat(64)}`
  const pinned = await render(helm, { fullnameOverride: 'x', image: { digest } })
  assert.equal(pinned.pod('DaemonSet', 'x-nmi').containers[0].image, `localhost/podid@${digest}`)
})

test('managed mode has no MIC and nothing for it, and the exception for the add-ons of AKS', async () => {
  const rendered = await render(helm, oldValues('managed-mode'))
  assert.deepEqual(rendered.all('Deployment'), [])
  assert.deepEqual(rendered.all('AzurePodIdentityException'), [])
  assert.deepEqual(
    rendered.objects.filter(({ metadata }) => metadata.name.includes('mic')),
    [],
  )
  const { containers, volumes } = rendered.pod('DaemonSet', '-nmi')
  const flags = nmiFlags(containers[0])
  assert.equal(flags['operation-mode'], 'managed')
  assert.equal(flags['allow-network-plugin-kubenet'], true)
  assert.deepEqual(
    volumes?.map(({ hostPath }) => hostPath?.path),
    ['/run/xtables.lock'],
  )
  const defaults = await render(helm, { operationMode: 'managed' })
  assert.deepEqual(
    defaults.all('AzurePodIdentityException').map(({ metadata }) => metadata.name),
    ['podid-aks-addon'],
  )
})

test('azureIdentities become identities and bindings, from a map and from the older list', async () => {
  const rendered = await render(helm, oldValues('separate-principal'))
  assert.deepEqual(specOf(rendered, 'AzureIdentity', 'vault'), {
    type: 1,
    tenantID: '22222222-2222-3333-4444-555555555555',
    clientID: '44444444-2222-3333-4444-555555555555',
    clientPassword: { name: 'vault-principal', namespace: 'vault' },
  })
  const web = rendered.one('AzureIdentity', 'web-identity')
  assert.equal(web.metadata.namespace, 'web')
  const binding = rendered.one('AzureIdentityBinding', 'web')
  assert.equal(binding.metadata.namespace, 'web')
  assert.deepEqual(binding['spec'], { azureIdentity: 'web-identity', selector: 'web' })
  const list = await render(helm, oldValues('sparse'))
  assert.equal(list.one('AzureIdentity', 'old-style').metadata.namespace, 'podid-system')
  assert.deepEqual(specOf(list, 'AzureIdentityBinding', 'old-style-binding'), {
    azureIdentity: 'old-style',
    selector: 'demo',
  })
})

test('type and clientPassword of azureIdentities may be texts, as in values of AAD Pod Identity', async () => {
  const azureIdentities = {
    plain: { type: '0', clientID: 'a', clientPassword: '' },
    vault: { type: '1', clientID: 'b', clientPassword: '{"name":"principal","namespace":"vault"}' },
  }
  const rendered = await render(helm, { azureIdentities })
  assert.deepEqual(specOf(rendered, 'AzureIdentity', 'plain'), { type: 0, clientID: 'a' })
  assert.deepEqual(specOf(rendered, 'AzureIdentity', 'vault'), {
    type: 1,
    clientID: 'b',
    clientPassword: { name: 'principal', namespace: 'vault' },
  })
  const role = rendered.one('Role', '-nmi-secrets')
  assert.equal(role.metadata.namespace, 'vault')
  assert.deepEqual((role['rules'] as { resourceNames: unknown }[])[0]?.resourceNames, ['principal'])
  const said = await refusal(helm, { azureIdentities: { a: { clientID: 'c', clientPassword: 'hunter2' } } })
  assert.match(said, /clientPassword of client c must name a Secret/)
  assert.doesNotMatch(said, /hunter2/)
})

test('a tag that is a number is the tag, from a file and from --set', async () => {
  for (const rendered of [
    await render(helm, { image: { tag: 20_260_101 } }),
    await render(helm, {}, '--set', 'image.tag=20260101'),
  ]) {
    assert.equal(rendered.pod('DaemonSet', '-nmi').containers[0].image, 'localhost/podid:20260101')
  }
  const decimal = await render(helm, { mic: { tag: 1.5 } })
  assert.equal(decimal.pod('Deployment', '-mic').containers[0].image, 'localhost/podid:1.5')
})

test('adminsecret is a Secret that fills the environment of MIC, and takes the place of the file of the host', async () => {
  const rendered = await render(helm, oldValues('separate-principal'))
  const data = rendered.one('Secret', '-mic')['data'] as Record<string, string>
  const plain = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])
  assert.deepEqual(Object.fromEntries(plain), {
    Cloud: 'AzurePublicCloud',
    SubscriptionID: '11111111-2222-3333-4444-555555555555',
    ResourceGroup: 'MC_prod',
    VMType: 'vmss',
    TenantID: '22222222-2222-3333-4444-555555555555',
    ClientID: '33333333-2222-3333-4444-555555555555',
    ClientSecret: 'not-a-secret',
  })
  const { containers, volumes } = rendered.pod('Deployment', '-mic')
  const names = containers[0].env?.map(({ name }) => name)
  for (const name of ['CLOUD', 'TENANT_ID', 'CLIENT_ID', 'CLIENT_SECRET'])
    assert.ok(names?.includes(name), name)
  assert.equal(micFlags(containers[0]).cloudconfig, '')
  assert.deepEqual(volumes ?? [], [])
  const identity = await render(helm, { adminsecret: { useMSI: true, userAssignedMSIClientID: 'c' } })
  const env = identity.pod('Deployment', '-mic').containers[0].env?.map(({ name }) => name)
  assert.deepEqual(env, ['USE_MSI', 'USER_ASSIGNED_MSI_CLIENT_ID'])
  const sparse = await render(helm, { adminsecret: { clientID: 'c', tenantID: null } })
  assert.deepEqual(Object.keys(sparse.one('Secret', '-mic')['data'] as object), ['ClientID'])
  assert.deepEqual(
    sparse.pod('Deployment', '-mic').containers[0].env?.map(({ name }) => name),
    ['CLIENT_ID'],
  )
  const file = await render(helm)
  assert.equal(
    micFlags(file.pod('Deployment', '-mic').containers[0]).cloudconfig,
    '/etc/kubernetes/azure.json',
  )
  assert.equal(file.all('Secret').length, 0)
})

test('installMICException makes exceptions for MIC and for the add-ons of AKS', async () => {
  const rendered = await render(helm)
  const mic = rendered.one('AzurePodIdentityException', '-mic')
  assert.equal(mic.metadata.namespace, 'podid-system')
  const labels = { app: 'mic', component: 'mic', 'app.kubernetes.io/component': 'mic' }
  assert.deepEqual(mic['spec'], { podLabels: labels })
  const addon = rendered.one('AzurePodIdentityException', '-aks-addon')
  assert.equal(addon.metadata.namespace, 'kube-system')
  assert.deepEqual(addon['spec'], { podLabels: { 'kubernetes.azure.com/managedby': 'aks' } })
  for (const off of ['false', false]) {
    const without = await render(helm, { installMICException: off })
    assert.deepEqual(without.all('AzurePodIdentityException'), [])
  }
})

test('values of mic reach its pods and its flags', async () => {
  const rendered = await render(helm, oldValues('separate-principal'))
  const flags = micFlags(rendered.pod('Deployment', '-mic').containers[0])
  assert.equal(flags['leader-election-namespace'], 'kube-system')
  assert.equal(flags['leader-election-name'], 'mic-lock')
  assert.equal(flags['leader-election-duration'], 30_000)
  assert.equal(flags['http-probe-port'], 8082)
  assert.equal(flags['prometheus-port'], 9901)
  assert.equal(flags.syncRetryDuration, 1_800_000)
  assert.equal(flags.createDeleteBatch, 40)
  assert.equal(flags.clientQps, 10)
  assert.equal(flags['update-user-msi-max-retry'], 4)
  assert.equal(flags['update-user-msi-retry-interval'], 2_000)
  assert.equal(flags['identity-assignment-reconcile-interval'], 600_000)
  assert.equal((specOf(rendered, 'Deployment', '-mic') as { replicas: number }).replicas, 3)
  assert.equal(rendered.one('Role', '-mic').metadata.namespace, 'kube-system')
  const aks = await render(helm, oldValues('aks-managed-identity'))
  const pod = aks.pod('Deployment', '-mic')
  const aksFlags = micFlags(pod.containers[0])
  assert.equal(aksFlags.v, 6)
  assert.equal(aksFlags['log-format'], 'json')
  assert.equal(aksFlags['immutable-user-msis'].length, 2)
  assert.equal(pod.priorityClassName, 'system-cluster-critical')
  assert.deepEqual(pod.tolerations, [{ key: 'CriticalAddonsOnly', operator: 'Exists' }])
  assert.equal((specOf(aks, 'PodDisruptionBudget', '-mic') as { minAvailable: number }).minAvailable, 1)
})

test('values of nmi reach its pods and its flags', async () => {
  const rendered = await render(helm, oldValues('separate-principal'))
  const pod = rendered.pod('DaemonSet', '-nmi')
  const flags = nmiFlags(pod.containers[0])
  assert.equal(flags['http-probe-port'], 8090)
  assert.equal(flags['prometheus-port'], 9902)
  assert.equal(flags['ipt-update-interval-sec'], 30)
  assert.equal(flags.MICNamespace, 'kube-system')
  assert.equal(flags['retry-attempts-for-created'], 1)
  assert.equal(flags['retry-attempts-for-assigned'], 1)
  assert.equal(flags['find-identity-retry-interval'], 1)
  assert.equal(flags['set-retry-after-header'], true)
  assert.equal(flags['enable-conntrack-deletion'], true)
  assert.equal(flags['metadata-header-required'], false)
  assert.equal(flags['kubelet-config'], '/etc/sysconfig/kubelet')
  const ports = pod.containers[0].ports?.map(({ name, containerPort }) => `${name} ${containerPort}`)
  assert.deepEqual(ports, ['imds 2579', 'probes 8090', 'metrics 9902'])
  const { updateStrategy } = specOf(rendered, 'DaemonSet', '-nmi') as { updateStrategy: unknown }
  assert.deepEqual(updateStrategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } })
  const managed = await render(helm, oldValues('managed-mode'))
  assert.deepEqual(managed.pod('DaemonSet', '-nmi').nodeSelector, {
    'kubernetes.io/os': 'linux',
    agentpool: 'apps',
  })
  const aks = nmiFlags(
    (await render(helm, oldValues('aks-managed-identity'))).pod('DaemonSet', '-nmi').containers[0],
  )
  assert.equal(aks['block-instance-metadata'], true)
  assert.equal(aks.v, 2)
})

test('with maxSurge two agents fit on one node: no port is declared, and the one before stays ready while the next starts', async () => {
  const values = { nmi: { updateStrategy: { rollingUpdate: { maxSurge: 1 } } } }
  const rendered = await render(helm, values)
  const { updateStrategy } = specOf(rendered, 'DaemonSet', '-nmi') as { updateStrategy: unknown }
  assert.deepEqual(updateStrategy, {
    type: 'RollingUpdate',
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  })
  const agent = rendered.pod('DaemonSet', '-nmi').containers[0]
  assert.equal(agent.ports, undefined)
  const { readinessProbe, startupProbe } = agent as unknown as Record<string, Record<string, unknown>>
  assert.equal(readinessProbe?.['failureThreshold'], 30)
  // The kubelet asks when the next agent has the port for sure: the one before would answer for it.
  assert.equal(startupProbe?.['initialDelaySeconds'], 10)
  const one = (await render(helm)).pod('DaemonSet', '-nmi').containers[0]
  assert.deepEqual(
    one.ports?.map(({ name }) => name),
    ['imds', 'probes', 'metrics'],
  )
})

test('without values the flags are those of AAD Pod Identity, and the resources too but for the limit of the processor', async () => {
  const rendered = await render(helm)
  const nmi = rendered.pod('DaemonSet', '-nmi')
  const mic = rendered.pod('Deployment', '-mic')
  const flags = nmiFlags(nmi.containers[0])
  assert.equal(flags['http-probe-port'], 8085)
  assert.equal(flags['prometheus-port'], 9090)
  assert.equal(flags['nmi-listen-address'], '127.0.0.1')
  assert.equal(flags.node, '$(NODE_NAME)')
  assert.deepEqual(nmi.tolerations, [{ operator: 'Exists' }])
  assert.deepEqual(nmi.containers[0].resources, {
    requests: { cpu: '100m', memory: '256Mi' },
    limits: { cpu: '1000m', memory: '512Mi' },
  })
  assert.deepEqual(mic.containers[0].resources, {
    requests: { cpu: '100m', memory: '256Mi' },
    limits: { cpu: '1000m', memory: '1024Mi' },
  })
  assert.equal((specOf(rendered, 'Deployment', '-mic') as { replicas: number }).replicas, 2)
})
