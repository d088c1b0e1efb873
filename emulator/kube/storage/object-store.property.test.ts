import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '../kube-object.ts'
import { Database } from './database.ts'

const STEP = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  gone: fc.boolean(),
  text: fc.string(),
})

function object(name: string, text: string): KubeObject {
  const metadata = { name, namespace: 'n', uid: name, resourceVersion: '', creationTimestamp: '' }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, text }
}

test('the store knows every past state that its history reaches back to, and says so when it does not', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 40 }), fc.integer({ min: 1, max: 20 }), (steps, historyLimit) => {
      const database = new Database({ firstVersion: 0, historyLimit })
      const store = database.store({ plural: 'configmaps', group: '' })
      const states = new Map<number, Map<string, unknown>>([[0, new Map()]])
      for (const { name, gone, text } of steps) {
        if (gone) store.remove(`n/${name}`)
        else store.put(object(name, text))
        states.set(
          database.versions.current,
          new Map([...store.values()].map((each) => [each.metadata.name, each['text']])),
        )
      }
      for (const [version, state] of states) {
        const changed = store.changedSince(version)
        assert.equal(changed === undefined, version < store.history.horizon)
        if (changed === undefined) continue
        const then = new Map([...store.values()].map((each) => [`n/${each.metadata.name}`, each]))
        for (const [key, before] of changed) {
          if (before === undefined) then.delete(key)
          else then.set(key, before)
        }
        assert.deepEqual(new Map([...then].map(([key, each]) => [key.slice(2), each['text']])), state)
      }
      assert.ok((store.history.since(store.history.horizon)?.length ?? 0) <= historyLimit * 2)
    }),
  )
})

test('keys come in order, from a place on and within a prefix', () => {
  const key = fc.tuple(fc.constantFrom('a', 'ab', 'b'), fc.stringMatching(/^[a-z0-9-]{1,4}$/))
  fc.assert(
    fc.property(
      fc.array(key),
      fc.constantFrom('', 'a/', 'ab/', 'c/'),
      fc.string({ maxLength: 4 }),
      (keys, prefix, after) => {
        const store = new Database({ firstVersion: 0, historyLimit: 10 }).store({ plural: 'x', group: '' })
        for (const [namespace, name] of keys) {
          const made = object(name, '')
          store.put({ ...made, metadata: { ...made.metadata, namespace } })
        }
        const all = [...new Set(keys.map(([namespace, name]) => `${namespace}/${name}`))].sort()
        const start = prefix === '' || after === '' ? after : prefix + after
        assert.deepEqual(
          store.keysFrom(prefix, start),
          all.filter((each) => each.startsWith(prefix) && each > start),
        )
      },
    ),
  )
})
