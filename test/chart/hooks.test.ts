import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createHelm } from '../harness/helm.ts'
import { CHART, type Manifest, type Rendered, render, type Values } from './chart.ts'
import { micFlags, nmiFlags } from './flags.ts'

const helm = await createHelm()
after(() => helm.close())

const annotation = ({ metadata }: Manifest, name: string): string =>
  metadata.annotations?.[`helm.sh/${name}`] ?? ''

const hooksOf = (rendered: Rendered, event: string): Manifest[] =>
  rendered.objects.filter((each) => annotation(each, 'hook').split(',').includes(event))

const namesOf = (objects: readonly Manifest[]): string[] =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()

test('no hook leaves anything behind, and a Job runs after what it needs', async () => {
  const rendered = await render(helm)
  const hooks = rendered.objects.filter((each) => annotation(each, 'hook') !== '')
  assert.ok(hooks.length > 10)
  for (const hook of hooks) {
    assert.equal(annotation(hook, 'hook-delete-policy'), 'before-hook-creation,hook-succeeded')
    assert.equal(annotation(hook, 'hook-weight'), hook.kind === 'Job' ? '-10' : '-20', hook.metadata.name)
  }
})

test('definitions are never objects of the release, so no uninstall deletes them', async () => {
  const rendered = await render(helm)
  assert.deepEqual(rendered.all('CustomResourceDefinition'), [])
})

test('before an install and an upgrade a Job with rights to these four brings the definitions up to date', async () => {
  const rendered = await render(helm)
  assert.deepEqual(namesOf(hooksOf(rendered, 'pre-upgrade')), namesOf(hooksOf(rendered, 'pre-install')))
  const files = readdirSync(join(CHART, 'crds'))
  const data = rendered.one('ConfigMap', '-crds')['data'] as Record<string, string>
  assert.deepEqual(Object.keys(data).sort(), files.sort())
  assert.deepEqual(rendered.one('ClusterRole', '-crds')['rules'], [
    {
      apiGroups: ['apiextensions.k8s.io'],
      resources: ['customresourcedefinitions'],
      resourceNames: [
        'azureidentities.aadpodidentity.k8s.io',
        'azureidentitybindings.aadpodidentity.k8s.io',
        'azureassignedidentities.aadpodidentity.k8s.io',
        'azurepodidentityexceptions.aadpodidentity.k8s.io',
      ],
      verbs: ['create', 'patch'],
    },
  ])
  assert.deepEqual(rendered.pod('Job', '-crds').containers[0].args, ['crds', '--from=/etc/podid/crds'])
  const without = await render(helm, { crds: { upgrade: false } })
  assert.deepEqual(hooksOf(without, 'pre-install'), [])
})

test('before an uninstall MIC is stopped and drained by a Job that may stop it and remove its locks', async () => {
  const rendered = await render(helm, { mic: { leaderElection: { namespace: 'locks', name: 'lock' } } })
  assert.deepEqual(namesOf(hooksOf(rendered, 'pre-delete')), [
    'Job podid-drain',
    'Role podid-drain-locks',
    'Role podid-drain-stop',
    'RoleBinding podid-drain-locks',
    'RoleBinding podid-drain-stop',
  ])
  assert.deepEqual(rendered.one('Role', '-drain-stop')['rules'], [
    { apiGroups: ['apps'], resources: ['deployments/scale'], resourceNames: ['podid-mic'], verbs: ['patch'] },
  ])
  const locks = rendered.one('Role', '-drain-locks')
  assert.equal(locks.metadata.namespace, 'locks')
  for (const rule of locks['rules'] as { resourceNames: string[]; verbs: string[] }[]) {
    assert.deepEqual([rule.resourceNames, rule.verbs], [['lock'], ['delete']])
  }
  const job = rendered.one('Job', '-drain')
  const flags = micFlags(rendered.pod('Job', '-drain').containers[0])
  assert.equal(flags['drain-stops'], 'podid-system/podid-mic')
  assert.equal(flags['leader-election-name'], 'lock')
  // What NMI lets through by the exception for MIC, and what the Deployment must not take for its own.
  const { labels } = (job['spec'] as { template: { metadata: { labels: Record<string, string> } } }).template
    .metadata
  assert.equal(labels['component'], 'mic')
  assert.notEqual(labels['app.kubernetes.io/component'], 'mic')
  assert.deepEqual(hooksOf(await render(helm, { uninstall: { drain: false } }), 'pre-delete'), [])
  assert.deepEqual(hooksOf(await render(helm, { operationMode: 'managed' }), 'pre-delete'), [])
})

test('the drain tries for half of the time that an uninstall has, so that it ends before its Job does', async () => {
  const timeoutOf = async (values: Values): Promise<number> =>
    micFlags((await render(helm, values)).pod('Job', '-drain').containers[0])['drain-timeout']
  assert.equal(await timeoutOf({}), 120_000)
  assert.equal(await timeoutOf({ uninstall: { timeoutSeconds: 1201 } }), 600_000)
})

test('Jobs of hooks tolerate what MIC does, the start-up taint too: all nodes may still have it', async () => {
  const mic = { startupTaint: 'podid.dev/agent-not-ready', tolerations: [{ key: 'own', operator: 'Exists' }] }
  const rendered = await render(helm, { mic })
  const { tolerations } = rendered.pod('Deployment', '-mic')
  assert.equal((tolerations as unknown[]).length, 2)
  for (const name of ['-crds', '-drain', '-cleanup'])
    assert.deepEqual(rendered.pod('Job', name).tolerations, tolerations, name)
  assert.equal((await render(helm)).pod('Job', '-crds').tolerations, undefined)
})

test('after an uninstall every node is cleaned by what an agent may do, and a Job only looks on', async () => {
  const rendered = await render(helm)
  assert.deepEqual(namesOf(hooksOf(rendered, 'post-delete')), [
    'DaemonSet podid-cleanup',
    'Job podid-cleanup',
    'Role podid-cleanup',
    'RoleBinding podid-cleanup',
    'ServiceAccount podid-cleanup',
  ])
  assert.deepEqual(rendered.one('Role', '-cleanup')['rules'], [
    { apiGroups: ['apps'], resources: ['daemonsets'], resourceNames: ['podid-cleanup'], verbs: ['get'] },
  ])
  const agent = rendered.pod('DaemonSet', '-nmi')
  const pod = rendered.pod('DaemonSet', '-cleanup')
  const [cleanup] = pod.initContainers ?? []
  assert.ok(cleanup !== undefined)
  assert.equal(nmiFlags(cleanup).cleanup, true)
  assert.equal(nmiFlags(cleanup)['cleanup-wait'], 60_000)
  assert.deepEqual(cleanup.securityContext, agent.containers[0].securityContext)
  assert.deepEqual(pod.tolerations, agent.tolerations)
  assert.deepEqual(pod.nodeSelector, agent.nodeSelector)
  const without = await render(helm, { uninstall: { removeRules: false } })
  assert.deepEqual(hooksOf(without, 'post-delete'), [])
})
