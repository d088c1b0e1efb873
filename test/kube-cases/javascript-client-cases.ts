/** The official JavaScript client is the judge. */
import assert from 'node:assert/strict'
import type { V1Pod } from '@kubernetes/client-node'
import {
  ApiException,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  V1MicroTime,
} from '@kubernetes/client-node'
import { namesOf } from './case-objects.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'

function clientIn(world: CaseWorld): { config: KubeConfig; core: CoreV1Api } {
  const config = new KubeConfig()
  config.loadFromString(world.kubeconfig())
  return { config, core: config.makeApiClient(CoreV1Api) }
}

const pod = (name: string): V1Pod => ({
  metadata: { name, labels: { aadpodidbinding: 'shop' } },
  spec: { schedulerName: 'nobody', containers: [{ name: 'a', image: 'i' }] },
})

const groupIn = ({ namespace }: CaseWorld) => ({
  group: 'aadpodidentity.k8s.io',
  version: 'v1',
  namespace,
  plural: 'azureidentities',
})

export const JAVASCRIPT_CLIENT_CASES: readonly KubeCase[] = [
  {
    name: 'CoreV1Api creates, reads, lists in pages, patches in three ways and deletes',
    async run(world) {
      const { core } = clientIn(world)
      for (const name of ['a', 'b', 'c'])
        await core.createNamespacedPod({ namespace: world.namespace, body: pod(name) })
      const first = await core.listNamespacedPod({ namespace: world.namespace, limit: 2 })
      assert.deepEqual(
        first.items.map((each) => each.metadata?.name),
        ['a', 'b'],
      )
      const second = await core.listNamespacedPod({
        namespace: world.namespace,
        limit: 2,
        _continue: first.metadata?._continue ?? '',
      })
      assert.deepEqual(
        second.items.map((each) => each.metadata?.name),
        ['c'],
      )
      const where = { namespace: world.namespace, name: 'a' }
      const merged = await core.patchNamespacedPod(
        { ...where, body: { metadata: { labels: { x: 'y' } } } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      )
      assert.deepEqual(merged.metadata?.labels, { aadpodidbinding: 'shop', x: 'y' })
      const operated = await core.patchNamespacedPod(
        { ...where, body: [{ op: 'remove', path: '/metadata/labels/x' }] },
        setHeaderOptions('Content-Type', PatchStrategy.JsonPatch),
      )
      assert.deepEqual(operated.metadata?.labels, { aadpodidbinding: 'shop' })
      const strategic = await core.patchNamespacedPod(
        { ...where, body: { spec: { containers: [{ name: 'a', image: 'j' }] } } },
        setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
      )
      assert.equal(strategic.spec?.containers[0]?.image, 'j')
      await core.deleteNamespacedPod(where)
      await assert.rejects(
        core.readNamespacedPod(where),
        (thrown) => thrown instanceof ApiException && thrown.code === 404,
      )
    },
  },
  {
    name: 'CustomObjectsApi writes an identity and its status with the whole object, and meets conflicts',
    async run(world) {
      const { config } = clientIn(world)
      const api = config.makeApiClient(CustomObjectsApi)
      const group = groupIn(world)
      const body = {
        apiVersion: 'aadpodidentity.k8s.io/v1',
        kind: 'AzureIdentity',
        metadata: { name: 'shop' },
        spec: { type: 0 },
      }
      const created = (await api.createNamespacedCustomObject({ ...group, body })) as Record<string, unknown>
      const status = { status: { availableReplicas: 1 } }
      const replaced = (await api.replaceNamespacedCustomObject({
        ...group,
        name: 'shop',
        body: { ...created, ...status },
      })) as typeof status
      assert.equal(replaced.status.availableReplicas, 1)
      await assert.rejects(
        api.replaceNamespacedCustomObject({
          ...group,
          name: 'shop',
          body: { ...created, spec: { type: 1 } },
        }),
        (thrown) =>
          thrown instanceof ApiException &&
          thrown.code === 409 &&
          /the object has been modified/.test(String(thrown.body)),
      )
      const listed = (await api.listNamespacedCustomObject(group)) as { items: unknown[] }
      assert.equal(listed.items.length, 1)
    },
  },
  {
    name: 'KubernetesObjectApi finds kinds by discovery and applies on the server',
    async run(world) {
      const { config } = clientIn(world)
      const api = KubernetesObjectApi.makeApiClient(config)
      const identity = {
        apiVersion: 'aadpodidentity.k8s.io/v1',
        kind: 'AzureIdentity',
        metadata: { name: 'shop', namespace: world.namespace },
        spec: { type: 0 },
      }
      await api.patch(identity, undefined, undefined, 'me', undefined, PatchStrategy.ServerSideApply)
      await api.patch(
        { ...identity, spec: { type: 1 } },
        undefined,
        undefined,
        'me',
        undefined,
        PatchStrategy.ServerSideApply,
      )
      const path = world.path('azureidentities')
      const [stored] = (await world.http.ask('GET', path)).json().items ?? []
      assert.deepEqual(stored?.spec, { type: 1 })
      assert.deepEqual(
        ((stored?.metadata?.['managedFields'] ?? []) as { manager: string; operation: string }[]).map(
          (each) => `${each.manager} ${each.operation}`,
        ),
        ['me Apply'],
      )
      await api.delete(identity)
      assert.deepEqual(namesOf((await world.http.ask('GET', path)).json()), [])
    },
  },
  {
    name: 'the informer sees what is there, what comes and what goes, also over a 410',
    async run(world, t) {
      const { config, core } = clientIn(world)
      await core.createNamespacedPod({ namespace: world.namespace, body: pod('a') })
      const informer = makeInformer(config, world.path('pods'), () =>
        core.listNamespacedPod({ namespace: world.namespace }),
      )
      const seen: string[] = []
      let heard = Promise.withResolvers<undefined>()
      const note = (what: string) => (each: V1Pod) => {
        seen.push(`${what} ${each.metadata?.name}`)
        heard.resolve(undefined)
        heard = Promise.withResolvers()
      }
      const until = async (text: string): Promise<void> => {
        while (!seen.includes(text)) await heard.promise
      }
      informer.on('add', note('add'))
      informer.on('update', note('update'))
      informer.on('delete', note('delete'))
      await informer.start()
      t.after(() => informer.stop())
      await until('add a')
      await core.createNamespacedPod({ namespace: world.namespace, body: pod('b') })
      await until('add b')
      world.subject.expireWatches?.('pods')
      await core.deleteNamespacedPod({ namespace: world.namespace, name: 'a' })
      await until('delete a')
    },
  },
  {
    name: 'a lease is taken, renewed with its version and lost to who was faster',
    async run(world) {
      const { config } = clientIn(world)
      const api = config.makeApiClient(CoordinationV1Api)
      const spec = { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: new V1MicroTime() }
      const lease = await api.createNamespacedLease({
        namespace: world.namespace,
        body: { metadata: { name: 'mic' }, spec },
      })
      const where = { namespace: world.namespace, name: 'mic' }
      lease.spec = { ...spec, renewTime: new V1MicroTime(Date.parse('2026-01-01T00:00:00.123Z')) }
      const renewed = await api.replaceNamespacedLease({ ...where, body: lease })
      assert.match(JSON.stringify(renewed.spec?.renewTime), /2026-01-01T00:00:00\.123/)
      // Still with the version from before the renewal.
      lease.spec = { ...spec, holderIdentity: 'b' }
      await assert.rejects(
        api.replaceNamespacedLease({ ...where, body: lease }),
        (thrown) => thrown instanceof ApiException && thrown.code === 409,
      )
    },
  },
]
