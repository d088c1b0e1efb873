import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createHelm } from '../harness/helm.ts'
import {
  type Container,
  type Manifest,
  notes,
  type PodSpec,
  podOf,
  type Rendered,
  render,
  WORKLOADS,
} from './chart.ts'
import { micFlags } from './flags.ts'

const helm = await createHelm()
after(() => helm.close())

const RESTRICTED_CONTAINER = {
  allowPrivilegeEscalation: false,
  privileged: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
}
const RESTRICTED_POD = {
  runAsNonRoot: true,
  runAsUser: 65_532,
  runAsGroup: 65_532,
  seccompProfile: { type: 'RuntimeDefault' },
}

const containersOf = ({ containers, initContainers = [] }: PodSpec): readonly Container[] => [
  ...containers,
  ...initContainers,
]

const hostPaths = ({ volumes = [] }: PodSpec): string[] =>
  volumes.flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath.path]))

/** The restricted Pod Security profile of Kubernetes, and a read-only root file system. */
function assertRestricted(pod: PodSpec): void {
  assert.deepEqual(pod.securityContext, RESTRICTED_POD)
  assert.notEqual(pod.hostNetwork, true)
  assert.deepEqual(hostPaths(pod), [])
  for (const each of containersOf(pod))
    assert.deepEqual(each.securityContext, RESTRICTED_CONTAINER, each.name)
}

test('nothing is privileged, can gain privileges, or can write to its root file system', async () => {
  const { objects } = await render(helm)
  const workloads = objects.filter(({ kind }) => WORKLOADS.includes(kind))
  assert.equal(workloads.length, 6)
  for (const pod of workloads.map(podOf)) {
    assert.deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' })
    for (const { securityContext } of containersOf(pod)) {
      assert.equal(securityContext['privileged'], false)
      assert.equal(securityContext['allowPrivilegeEscalation'], false)
      assert.equal(securityContext['readOnlyRootFilesystem'], true)
      assert.deepEqual((securityContext['capabilities'] as { drop: unknown }).drop, ['ALL'])
    }
  }
})

test('MIC passes the restricted profile with a login of its own, and is root only for the file of the host', async () => {
  for (const values of [
    { adminsecret: { useMSI: true } },
    { mic: { cloudConfigSecret: { name: 'azure' } } },
  ]) {
    const rendered = await render(helm, values)
    assertRestricted(rendered.pod('Deployment', '-mic'))
    assertRestricted(rendered.pod('Job', '-drain'))
  }
  const pod = (await render(helm)).pod('Deployment', '-mic')
  assert.equal(pod.securityContext['runAsUser'], 0)
  assert.deepEqual(hostPaths(pod), ['/etc/kubernetes/azure.json'])
  assert.deepEqual(pod.containers[0].securityContext, RESTRICTED_CONTAINER)
  assert.equal(pod.containers[0].volumeMounts?.[0]?.readOnly, true)
})

test('the jobs that only talk to the API server pass the restricted profile', async () => {
  const rendered = await render(helm)
  assertRestricted(rendered.pod('Job', '-crds'))
  assertRestricted(rendered.pod('Job', '-cleanup'))
})

test('NMI is root on the host network with two capabilities and two files of the host, one of them read-only', async () => {
  const pod = (await render(helm)).pod('DaemonSet', '-nmi')
  const [nmi] = pod.containers
  assert.equal(pod.hostNetwork, true)
  assert.equal(pod.securityContext['runAsUser'], 0)
  assert.deepEqual(nmi.securityContext, {
    ...RESTRICTED_CONTAINER,
    capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
  })
  assert.deepEqual(hostPaths(pod), ['/run/xtables.lock', '/etc/default/kubelet'])
  assert.deepEqual(
    nmi.volumeMounts?.map(({ mountPath, readOnly }) => [mountPath, readOnly === true]),
    [
      ['/run/xtables.lock', false],
      ['/etc/default/kubelet', true],
    ],
  )
  const modern = (await render(helm, { nmi: { legacyIptables: false } })).pod('DaemonSet', '-nmi')
  assert.deepEqual(modern.containers[0].securityContext['capabilities'], {
    drop: ['ALL'],
    add: ['NET_ADMIN'],
  })
  assert.deepEqual(hostPaths(modern), ['/etc/default/kubelet'])
})

test('single fields of a security context can be set', async () => {
  const rendered = await render(helm, {
    nmi: { podSecurityContext: { seLinuxOptions: { type: 'spc_t' } } },
    mic: { securityContext: { runAsUser: 1000 } },
  })
  const nmi = rendered.pod('DaemonSet', '-nmi').securityContext
  assert.deepEqual(nmi['seLinuxOptions'], { type: 'spc_t' })
  assert.equal(nmi['runAsUser'], 0)
  const mic = rendered.pod('Deployment', '-mic').containers[0].securityContext
  assert.deepEqual(mic, { ...RESTRICTED_CONTAINER, runAsUser: 1000 })
})

interface Rule {
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

const rulesOf = (role: Manifest): readonly Rule[] => role['rules'] as Rule[]

function rightsTo(rendered: Rendered, resource: string): string[] {
  return ['ClusterRole', 'Role'].flatMap((kind) =>
    rendered.all(kind).flatMap((role) =>
      rulesOf(role)
        .filter(({ resources }) => resources.includes(resource))
        .map(
          ({ verbs, resourceNames = ['*'] }) =>
            `${kind} ${role.metadata.namespace ?? ''} ${verbs.join()} ${resourceNames.join()}`,
        ),
    ),
  )
}

test('NMI reads pods and the custom resources, and without service principals no Secret at all', async () => {
  const rendered = await render(helm)
  const rules = rulesOf(rendered.one('ClusterRole', '-nmi'))
  assert.ok(rules.every(({ verbs }) => verbs.join() === 'list,watch'))
  assert.deepEqual(rules.flatMap(({ resources }) => resources).sort(), [
    'azureassignedidentities',
    'azureidentities',
    'azureidentitybindings',
    'azurepodidentityexceptions',
    'pods',
  ])
  assert.deepEqual(rightsTo(rendered, 'secrets'), [])
})

test('NMI reads a Secret by its name, in its namespace, when an identity or a value names it', async () => {
  const clientPassword = { name: 'vault-principal', namespace: 'vault' }
  const values = {
    azureIdentities: {
      a: { type: 1, clientPassword },
      b: { type: 2, clientPassword: { name: 'own' } },
      c: { type: 1, clientPassword: { name: 'other', namespace: 'vault' } },
    },
    rbac: { secrets: [{ namespace: 'shop', names: ['later', 'later'] }] },
  }
  const rendered = await render(helm, values)
  assert.deepEqual(rightsTo(rendered, 'secrets').sort(), [
    'Role podid-system list,watch own',
    'Role shop list,watch later',
    'Role vault list,watch other,vault-principal',
  ])
  for (const role of rendered.all('Role').filter(({ metadata }) => metadata.name.endsWith('-secrets'))) {
    const binding = rendered
      .all('RoleBinding')
      .find(
        ({ metadata }) =>
          metadata.name === role.metadata.name && metadata.namespace === role.metadata.namespace,
      )
    assert.deepEqual(binding?.['subjects'], [
      { kind: 'ServiceAccount', name: 'podid-nmi', namespace: 'podid-system' },
    ])
  }
  const none = await render(helm, { ...values, rbac: { allowAccessToSecrets: false } })
  assert.deepEqual(rightsTo(none, 'secrets'), [])
  const all = await render(helm, { ...values, rbac: { allowAccessToAllSecrets: true } })
  assert.deepEqual(rightsTo(all, 'secrets'), ['ClusterRole  list,watch *'])
})

test('people get the custom resources through the roles of the cluster when that is asked for', async () => {
  const rendered = await render(helm, { rbac: { createUserFacingClusterRoles: true } })
  const view = rendered.one('ClusterRole', '-view')
  const edit = rendered.one('ClusterRole', '-edit')
  assert.equal(view.metadata.labels?.['rbac.authorization.k8s.io/aggregate-to-view'], 'true')
  assert.equal(edit.metadata.labels?.['rbac.authorization.k8s.io/aggregate-to-edit'], 'true')
  assert.equal(edit.metadata.labels?.['rbac.authorization.k8s.io/aggregate-to-view'], undefined)
  assert.ok(!rulesOf(edit).some(({ resources }) => resources.includes('azureassignedidentities')))
  assert.equal((await render(helm)).all('ClusterRole').length, 3)
})

test('without rbac there is no role, no account, and no hook that would need one', async () => {
  const rendered = await render(helm, { rbac: { enabled: false } })
  for (const kind of ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding', 'ServiceAccount']) {
    assert.deepEqual(rendered.all(kind), [], kind)
  }
  assert.deepEqual(
    rendered.all('Job').map(({ metadata }) => metadata.name),
    ['podid-drain'],
  )
  assert.equal(rendered.pod('DaemonSet', '-nmi').serviceAccountName, undefined)
  const text = await notes(helm, { rbac: { enabled: false } })
  assert.match(text, /! rbac.enabled is false: no hook brings the custom resource definitions up to date/)
  assert.match(text, /! rbac.enabled is false: after an uninstall the iptables rules stay on the nodes/)
  const off = { crds: { upgrade: false }, uninstall: { removeRules: false } }
  assert.doesNotMatch(await notes(helm, { rbac: { enabled: false }, ...off }), /rbac.enabled is false/)
})

test('MIC may patch nodes only when it takes a start-up taint off, and then tolerates that taint', async () => {
  const patchesNodes = (rendered: Rendered): boolean =>
    rendered
      .all('ClusterRole')
      .flatMap(({ rules }) => rules as { resources: string[]; verbs: string[] }[])
      .some(({ resources, verbs }) => resources.includes('nodes') && verbs.includes('patch'))
  assert.equal(patchesNodes(await render(helm)), false)
  const key = 'podid.dev/agent-not-ready'
  const own = { key: 'own', operator: 'Exists' }
  const tainted = await render(helm, { mic: { startupTaint: key, tolerations: [own] } })
  assert.equal(patchesNodes(tainted), true)
  const pod = tainted.pod('Deployment', '-mic')
  assert.deepEqual(pod.tolerations, [own, { key, operator: 'Exists' }])
  const flags = micFlags(pod.containers[0])
  const agents = tainted.one('DaemonSet', '-nmi')
  assert.equal(flags['startup-taint'], key)
  assert.equal(flags['nmi-namespace'], agents.metadata.namespace)
  const { labels } = (agents['spec'] as { template: { metadata: { labels: Record<string, string> } } })
    .template.metadata
  for (const part of flags['nmi-selector'].split(',')) {
    const [name = '', value] = part.split('=')
    assert.equal(labels[name], value, name)
  }
})
