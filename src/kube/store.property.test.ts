import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ObjectStore } from './store.ts'

interface Thing {
  readonly id: number
  readonly tags: readonly string[]
}

const operation = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd'),
  /** Undefined removes. */
  tags: fc.option(fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 4 }), { nil: undefined }),
})

function byTag(things: Iterable<Thing>): Map<string, Set<Thing>> {
  const index = new Map<string, Set<Thing>>()
  for (const thing of things) {
    for (const tag of thing.tags) index.set(tag, (index.get(tag) ?? new Set()).add(thing))
  }
  return index
}

test('after any operations each index equals its recomputation, also one that was made in between', () => {
  fc.assert(
    fc.property(fc.array(operation), fc.nat(), (operations, when) => {
      const store = new ObjectStore<Thing>()
      const early = store.index((thing) => thing.tags)
      let late = early
      for (const [id, { key, tags }] of operations.entries()) {
        if (id === when % (operations.length + 1)) late = store.index((thing) => thing.tags)
        if (tags === undefined) store.remove(key)
        else store.put(key, { id, tags })
        const truth = byTag(store.values())
        for (const index of [early, late]) {
          assert.deepEqual([...index.keys()].sort(), [...truth.keys()].sort())
          for (const tag of ['x', 'y', 'z']) assert.deepEqual(index.get(tag), truth.get(tag) ?? new Set())
        }
      }
    }),
  )
})

test('a listener sees the change in every index already, and nothing after it left', () => {
  const store = new ObjectStore<Thing>()
  const index = store.index((thing) => thing.tags)
  const seen: string[] = []
  const leave = store.subscribe(({ key, before, after }) => {
    seen.push(`${key} ${before?.id ?? '-'} ${after?.id ?? '-'} ${[...index.keys()].join()}`)
  })
  store.put('a', { id: 1, tags: ['x'] })
  store.put('a', { id: 2, tags: ['y'] })
  store.remove('a')
  store.remove('a')
  leave()
  store.put('a', { id: 3, tags: ['z'] })
  assert.deepEqual(seen, ['a - 1 x', 'a 1 2 y', 'a 2 - '])
})

test('waiting for the first list ends with it, or with the reason of the signal', async () => {
  const store = new ObjectStore<Thing>()
  const stopped = new AbortController()
  const refused = assert.rejects(store.whenSynced(stopped.signal), /enough/)
  stopped.abort(new Error('enough'))
  await refused
  const synced = store.whenSynced(new AbortController().signal)
  store.markSynced()
  await synced
  await store.whenSynced(stopped.signal)
})
