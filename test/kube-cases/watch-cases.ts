/** Watches, line by line over a bare HTTP client. */
import assert from 'node:assert/strict'
import type { Event } from '../harness/kube-http.ts'
import { map, placedPod } from './case-objects.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'

const NO_EVENT: Event = { type: '', object: {} }

/** `ADDED name` */
function told(event: Event | undefined): string {
  const { type, object } = event ?? NO_EVENT
  return `${type} ${object.metadata?.name ?? ''}`
}

async function versionNow(world: CaseWorld): Promise<string> {
  return (await world.http.ask('GET', world.path('configmaps'))).json().metadata?.resourceVersion ?? ''
}

const labelled = (name: string, labels: object): object => map(name, { metadata: { name, labels } })

export const WATCH_CASES: readonly KubeCase[] = [
  {
    name: 'sendInitialEvents streams the state, marks its end with a bookmark and goes on, or fails inside the stream',
    async run(world) {
      for (const name of ['a', 'b']) await world.make('pods', placedPod(name))
      const query =
        'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
      const watch = await world.http.watch(`${world.path('pods')}?${query}`)
      const first = await watch.next()
      if (first?.type === 'ERROR') {
        // etcd before 3.4.25: no progress to be asked for.
        assert.deepEqual([watch.code, first.object.code, first.object.reason], [200, 500, 'InternalError'])
        watch.close()
        return
      }
      assert.deepEqual([told(first), told(await watch.next())], ['ADDED a', 'ADDED b'])
      const bookmark = (await watch.next()) ?? NO_EVENT
      assert.equal(bookmark.type, 'BOOKMARK')
      assert.equal(bookmark.object.kind, 'Pod')
      assert.match(bookmark.object.metadata?.resourceVersion ?? '', /^\d+$/)
      assert.deepEqual(bookmark.object.metadata?.['annotations'], { 'k8s.io/initial-events-end': 'true' })
      await world.make('pods', placedPod('c'))
      const added = (await watch.next()) ?? NO_EVENT
      assert.deepEqual([told(added), added.object.kind], ['ADDED c', 'Pod'])
      watch.close()
    },
  },
  {
    name: 'a watch from a version sends what came after it, with the version of the deletion in DELETED',
    async run(world) {
      const path = world.path('configmaps')
      await world.make('configmaps', map('a'))
      const version = await versionNow(world)
      await world.make('configmaps', map('b'))
      const changed = await world.merge(`${path}/a`, { data: { x: '1' } })
      await world.remove(`${path}/a`)
      const watch = await world.http.watch(`${path}?watch=true&resourceVersion=${version}`)
      const seen = [await watch.next(), await watch.next(), await watch.next()]
      assert.deepEqual(seen.map(told), ['ADDED b', 'MODIFIED a', 'DELETED a'])
      assert.ok(Number(seen[2]?.object.metadata?.resourceVersion) > Number(changed.metadata?.resourceVersion))
      watch.close()
    },
  },
  {
    name: 'an object that starts or stops matching a selector is added or deleted in that watch',
    async run(world) {
      const path = world.path('configmaps')
      await world.make('configmaps', labelled('a', { x: '1' }))
      const version = await versionNow(world)
      const watch = await world.http.watch(`${path}?watch=1&resourceVersion=${version}&labelSelector=x%3D1`)
      const changed = await world.merge(`${path}/a`, { metadata: { labels: { x: '2' } } })
      await world.make('configmaps', labelled('b', { x: '2' }))
      await world.merge(`${path}/b`, { metadata: { labels: { x: '1' } } })
      const [gone, come] = [await watch.next(), await watch.next()]
      assert.deepEqual([gone?.type, gone?.object.metadata?.['labels']], ['DELETED', { x: '1' }])
      assert.equal(gone?.object.metadata?.resourceVersion, changed.metadata?.resourceVersion)
      assert.deepEqual([come?.type, come?.object.metadata?.name], ['ADDED', 'b'])
      watch.close()
    },
  },
  {
    name: 'a watch of the pods of one node tells of no others',
    async run(world) {
      const path = world.path('pods')
      const version = (await world.http.ask('GET', path)).json().metadata?.resourceVersion
      const watch = await world.http.watch(
        `${path}?watch=1&resourceVersion=${version}&fieldSelector=spec.nodeName%3Dm`,
      )
      await world.make('pods', placedPod('c'))
      await world.make('pods', placedPod('d', {}, 'm'))
      assert.equal(told(await watch.next()), 'ADDED d')
      watch.close()
    },
  },
  {
    name: 'a watch without a version starts with what is there',
    async run(world) {
      await world.make('pods', placedPod('a'))
      for (const version of ['', '&resourceVersion=0']) {
        const watch = await world.http.watch(`${world.path('pods')}?watch=1${version}`)
        assert.equal(told(await watch.next()), 'ADDED a')
        watch.close()
      }
    },
  },
  {
    name: 'a watch ends after timeoutSeconds',
    async run(world) {
      const version = await versionNow(world)
      const path = world.path('configmaps')
      const watch = await world.http.watch(`${path}?watch=1&resourceVersion=${version}&timeoutSeconds=1`)
      assert.equal(await watch.next(), undefined)
    },
  },
  {
    name: 'a watch that starts at a version of ages ago gets 410, in the stream',
    async run(world) {
      if (world.subject.compact === undefined) return
      const path = world.path('configmaps')
      await world.subject.compact()
      const watch = await world.http.watch(`${path}?watch=1&resourceVersion=1`)
      assert.equal(watch.code, 200)
      const error = await watch.next()
      assert.equal(error?.type, 'ERROR')
      assert.deepEqual(
        [error?.object.kind, error?.object.code, error?.object.reason],
        ['Status', 410, 'Expired'],
      )
      assert.match(error?.object.message ?? '', /^too old resource version: 1 \(\d+\)$/)
      assert.equal(await watch.next(), undefined)
    },
  },
]
