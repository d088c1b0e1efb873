/** podid's own client: stores, single reads, writes, Events. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { createDirectReads } from '../../src/kube/direct-reads.ts'
import { createEventRecorder } from '../../src/kube/event-recorder.ts'
import { createEventWriter } from '../../src/kube/event-writer.ts'
import { kubeconfigConnection } from '../../src/kube/kubeconfig.ts'
import { createObjectWriter } from '../../src/kube/object-writer.ts'
import { azureAssignedIdentities } from '../../src/kube/resources/azure-assigned-identities.ts'
import { azureIdentities } from '../../src/kube/resources/azure-identities.ts'
import { azureIdentityBindings } from '../../src/kube/resources/azure-identity-bindings.ts'
import { azurePodIdentityExceptions } from '../../src/kube/resources/azure-pod-identity-exceptions.ts'
import { agentPods } from '../../src/kube/resources/pods.ts'
import { createRest } from '../../src/kube/rest.ts'
import { silentLog } from '../../src/telemetry/log.ts'
import { makeAssigned } from '../make/objects.ts'
import { draftIn, liveAssigned } from './assigned-writes.ts'
import { identity, placedPod } from './case-objects.ts'
import type { KubeCase } from './case-world.ts'
import { follow, NEVER, openClientRoom } from './client-room.ts'

export const CLIENT_ROOM_CASES: readonly KubeCase[] = [
  {
    name: 'a store follows a watch over TLS: what is there, changes, and only the selected node',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      await world.make('pods', placedPod('a', {}, 'node-0'))
      await world.make('pods', placedPod('elsewhere', {}, 'node-1'))
      const { namespace } = world
      const choice = { namespace, fieldSelector: 'spec.nodeName=node-0' }
      const { watched, until, keys } = await follow(t, rest, agentPods(), choice)
      await watched.store.whenSynced(NEVER)
      assert.deepEqual(keys(), [`${namespace}/a`])
      await world.make('pods', placedPod('b', {}, 'node-0'))
      await until(() => keys().includes(`${namespace}/b`))
      await world.merge(`${world.path('pods')}/b/status`, {
        status: { phase: 'Running', podIP: 'fd00::b', podIPs: [{ ip: 'fd00::b' }] },
      })
      await until(() => watched.store.get(`${namespace}/b`)?.addresses.join() === 'fd00::b')
      await world.remove(`${world.path('pods')}/a`)
      await until(() => keys().join() === `${namespace}/b`)
      assert.equal(watched.health().restarts, 0)
    },
  },
  {
    name: "stores of podid's four kinds are in sync with an empty cluster, and take in what comes",
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const { namespace } = world
      const identities = await follow(t, rest, azureIdentities(), { namespace })
      const others = [
        await follow(t, rest, azureIdentityBindings(), { namespace }),
        await follow(t, rest, azureAssignedIdentities(), { namespace }),
        await follow(t, rest, azurePodIdentityExceptions(), { namespace }),
      ]
      for (const { watched } of [identities, ...others]) await watched.store.whenSynced(NEVER)
      await world.make('azureidentities', identity('shop'))
      await identities.until(() => identities.keys().join() === `${namespace}/shop`)
      assert.deepEqual(
        others.map(({ keys }) => keys()),
        [[], [], []],
      )
    },
  },
  {
    name: 'a rotated service account token is used without a restart',
    async run(world, t) {
      const { rest, directory } = await openClientRoom(t, world.subject)
      await writeFile(join(directory, 'token'), 'expired')
      const { watched, until } = await follow(t, rest, agentPods(), { namespace: world.namespace })
      await until(() => watched.health().lastError?.includes('401') === true)
      await writeFile(join(directory, 'token'), world.subject.adminToken)
      await watched.store.whenSynced(NEVER)
    },
  },
  {
    name: 'a missing right is named in health, and the watch begins when it is granted',
    async run(world, t) {
      const { namespace } = world
      const { rest, directory } = await openClientRoom(t, world.subject)
      await world.make('serviceaccounts', { metadata: { name: 'nmi' } })
      const issued = await world.http.ask('POST', `${world.path('serviceaccounts')}/nmi/token`, { body: {} })
      await writeFile(join(directory, 'token'), String(issued.json().status?.['token']))
      const { watched, until } = await follow(t, rest, agentPods(), { namespace })
      await until(() => watched.health().lastError?.includes('403') === true)
      const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] }]
      const subjects = [{ kind: 'ServiceAccount', name: 'nmi', namespace }]
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'nmi' }
      await world.make('roles', { metadata: { name: 'nmi' }, rules })
      await world.make('rolebindings', { metadata: { name: 'nmi' }, roleRef, subjects })
      await watched.store.whenSynced(NEVER)
      await assert.rejects(createDirectReads(rest).secret(namespace, 's', NEVER), { status: 403 })
    },
  },
  {
    name: 'a kubeconfig with a token connects as kubectl does',
    async run(world, t) {
      const { directory } = await openClientRoom(t, world.subject)
      await world.make('pods', placedPod('a', {}, world.namespace))
      const path = join(directory, 'kubeconfig')
      await writeFile(path, world.kubeconfig())
      const connection = await kubeconfigConnection(path)
      t.after(() => connection.close())
      const reads = createDirectReads(createRest(connection, systemClock))
      assert.equal((await reads.pod(world.namespace, 'a', NEVER))?.name, 'a')
      assert.equal(await reads.pod(world.namespace, 'none', NEVER), undefined)
      assert.deepEqual(
        (await reads.podsOfNode(world.namespace, NEVER)).map((each) => each.name),
        ['a'],
      )
      await assert.rejects(kubeconfigConnection(join(directory, 'missing')), /cannot read the kubeconfig/)
    },
  },
  {
    name: "an AzureAssignedIdentity is written, renewed, told its status, and taken away, with the chart's CRD",
    async run(world, t) {
      const { connection } = await openClientRoom(t, world.subject)
      const path = world.path('azureassignedidentities')
      await liveAssigned(
        connection,
        world.namespace,
        async () => (await world.http.ask('GET', path)).json().items ?? [],
      )
    },
  },
  {
    name: 'the finalizer of somebody else stays when podid takes its own away',
    async run(world, t) {
      const { connection } = await openClientRoom(t, world.subject)
      const writer = createObjectWriter(connection, systemClock)
      const created = await writer.create(draftIn(world.namespace, 'Created'), NEVER)
      assert.ok(created.outcome === 'done')
      const ref = { ...makeAssigned(), namespace: world.namespace, ...created }
      const path = `${world.path('azureassignedidentities')}/${ref.name}`
      const finalizers = ['example.com/other', 'azureassignedidentity.finalizers.aadpodidentity.k8s.io']
      await world.merge(path, { metadata: { finalizers } })
      assert.equal((await writer.removeFinalizer(ref, NEVER)).outcome, 'done')
      const left = (await world.http.ask('GET', path)).json()
      assert.deepEqual(left.metadata?.['finalizers'], ['example.com/other'])
      await world.merge(path, { metadata: { finalizers: null } })
    },
  },
  {
    name: 'equal Events are one Event in the API, counted, also after a restart',
    async run(world, t) {
      const { connection } = await openClientRoom(t, world.subject)
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
        const target = { kind: 'Pod', namespace: world.namespace, name: 'web', uid: 'uid-1' } as const
        recorder.emit(target, 'Warning', 'NotAssignedYet', 'wait')
        recorder.emit(target, 'Warning', 'NotAssignedYet', 'wait')
        await written.promise
        await recorder.stop()
        const events = (await world.http.ask('GET', world.path('events'))).json().items ?? []
        assert.deepEqual(
          events.map((event) => [event.reason, event.message, event['count']]),
          [['NotAssignedYet', 'wait', expected]],
        )
      }
    },
  },
]
