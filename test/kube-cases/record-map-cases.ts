/** podid's records in ConfigMaps. */
import assert from 'node:assert/strict'
import { createRecordMaps } from '../../src/kube/record-maps.ts'
import type { KubeCase } from './case-world.ts'
import { openClientRoom, NEVER as signal } from './client-room.ts'

export const RECORD_MAP_CASES: readonly KubeCase[] = [
  {
    name: 'records are created, replaced, found again by another process, and gone when empty',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const maps = createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' })
      const created = await maps.save({ subject: '/set/a', entries: { one: 'added' }, version: '' }, signal)
      assert.ok(created !== 'conflict')
      const replaced = await maps.save({ ...created, entries: { one: 'added', two: 'found' } }, signal)
      assert.ok(replaced !== 'conflict')
      await maps.save({ subject: '/set/b', entries: { three: 'added' }, version: '' }, signal)

      const again = await createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' }).load(signal)
      assert.deepEqual(again.map(({ subject, entries }) => [subject, entries]).sort(), [
        ['/set/a', { one: 'added', two: 'found' }],
        ['/set/b', { three: 'added' }],
      ])
      assert.deepEqual(await maps.save({ ...replaced, entries: {} }, signal), {
        ...replaced,
        entries: {},
        version: '',
      })
      assert.equal((await maps.load(signal)).length, 1)
    },
  },
  {
    name: 'a record that somebody else wrote meanwhile is a conflict, also when it is to be created or deleted',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const maps = createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' })
      const first = await maps.save({ subject: '/set', entries: { one: 'added' }, version: '' }, signal)
      assert.ok(first !== 'conflict')
      assert.equal(
        await maps.save({ subject: '/set', entries: { two: 'added' }, version: '' }, signal),
        'conflict',
      )
      const second = await maps.save({ ...first, entries: { two: 'added' } }, signal)
      assert.ok(second !== 'conflict')
      assert.equal(await maps.save({ ...first, entries: { three: 'added' } }, signal), 'conflict')
      assert.equal(await maps.save({ ...first, entries: {} }, signal), 'conflict')
      assert.deepEqual((await maps.load(signal))[0]?.entries, { two: 'added' })
    },
  },
  {
    name: 'a map that was edited into nonsense, and maps of another kind, are left out',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const maps = createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' })
      const other = createRecordMaps(rest, { namespace: world.namespace, kind: 'other' })
      await other.save({ subject: '/set', entries: { one: 'added' }, version: '' }, signal)
      for (const [name, data] of [
        ['a', { subject: '/x', entries: '{broken' }],
        ['b', { subject: '/x', entries: '{"one":1}' }],
        ['c', {}],
      ] as const) {
        await rest.send('POST', world.path('configmaps'), {
          body: {
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name, labels: { 'podid.record': 'owned' } },
            data,
          },
          signal,
        })
      }
      assert.deepEqual(await maps.load(signal), [])
    },
  },
  {
    name: 'a record whose map was edited into nonsense can be saved again',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const maps = createRecordMaps(rest, { namespace: world.namespace, kind: 'owned' })
      const first = await maps.save({ subject: '/set', entries: { one: 'added' }, version: '' }, signal)
      assert.ok(first !== 'conflict')
      const { items } = (await rest.getJson(world.path('configmaps'), {
        query: { labelSelector: 'podid.record=owned' },
        signal,
      })) as { items: { metadata: { name: string }; data: object }[] }
      const name = items[0]?.metadata.name ?? ''
      await rest.send('PATCH', `${world.path('configmaps')}/${name}`, {
        contentType: 'application/merge-patch+json',
        body: { data: { entries: '{broken' } },
        signal,
      })
      assert.deepEqual(await maps.load(signal), [])
      const again = await maps.save({ subject: '/set', entries: { two: 'added' }, version: '' }, signal)
      assert.ok(again !== 'conflict')
      assert.deepEqual((await maps.load(signal))[0]?.entries, { two: 'added' })
    },
  },
]
