import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtinSchema } from '../schemas/builtin-schemas.ts'
import { strategicMerge } from './strategic-merge.ts'

const POD = builtinSchema('Pod')
const pod = {
  spec: {
    containers: [
      { name: 'a', image: '1', env: [{ name: 'X', value: '1' }] },
      { name: 'b', image: '1' },
    ],
  },
}

test('items of a list with a merge key are merged, added, and deleted by directive', () => {
  const patch = {
    spec: {
      containers: [
        { name: 'a', image: '2', env: [{ name: 'Y', value: '2' }] },
        { name: 'b', $patch: 'delete' },
        { name: 'c', image: '3' },
      ],
    },
  }
  assert.deepEqual(strategicMerge(pod, patch, POD), {
    spec: {
      containers: [
        {
          name: 'a',
          image: '2',
          env: [
            // What the patch names comes first.
            { name: 'Y', value: '2' },
            { name: 'X', value: '1' },
          ],
        },
        { name: 'c', image: '3' },
      ],
    },
  })
})

test('the order that a patch names is kept, and items it does not name stay', () => {
  const patch = { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } }
  const merged = strategicMerge(pod, patch, POD) as typeof pod
  assert.deepEqual(
    merged.spec.containers.map((each) => each.name),
    ['b', 'a'],
  )
})

test('a list without a merge key, and one with the directive replace, is replaced', () => {
  const spec = { tolerations: [{ key: 'a' }], volumes: [{ name: 'v' }] }
  const patch = { spec: { tolerations: [{ key: 'b' }], volumes: [{ $patch: 'replace' }, { name: 'w' }] } }
  assert.deepEqual(strategicMerge({ spec }, patch, POD), {
    spec: { tolerations: [{ key: 'b' }], volumes: [{ name: 'w' }] },
  })
})

test('values of a set are added once and deleted by their own directive', () => {
  const metadata = { finalizers: ['a', 'b'] }
  assert.deepEqual(strategicMerge({ metadata }, { metadata: { finalizers: ['b', 'c'] } }, POD), {
    metadata: { finalizers: ['a', 'b', 'c'] },
  })
  const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }
  assert.deepEqual(strategicMerge({ metadata }, patch, POD), { metadata: { finalizers: ['b'] } })
})

test('retainKeys drops the other members of a union', () => {
  const spec = { volumes: [{ name: 'v', emptyDir: {} }] }
  const patch = {
    spec: { volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }] },
  }
  assert.deepEqual(strategicMerge({ spec }, patch, POD), {
    spec: { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
  })
})

test('null takes a field away, and an item without its merge key is refused', () => {
  assert.deepEqual(
    strategicMerge({ metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { a: null } } }, POD),
    {
      metadata: { labels: { b: '2' } },
    },
  )
  assert.throws(
    () => strategicMerge(pod, { spec: { containers: [{ image: '3' }] } }, POD),
    /does not contain declared merge key: name/,
  )
})
