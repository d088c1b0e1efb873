import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fields } from '../json.ts'
import { copyJson, isFields, sameJson, setField } from '../json.ts'
import { JsonPatchError, jsonPatch } from './json-patch.ts'
import { mergePatch } from './merge-patch.ts'

/** JSON without null, which a merge patch cannot express. */
const { tree } = fc.letrec<{ tree: unknown; leaf: unknown; fields: unknown }>((tie) => ({
  leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.integer(), { maxLength: 3 })),
  fields: fc.dictionary(fc.constantFrom('a', 'b', 'c/d', '~', '__proto__'), tie('tree'), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
  tree: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('fields')),
}))
const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c/d', '~', '__proto__'), tree, {
  maxKeys: 4,
  noNullPrototype: true,
})

function difference(from: Fields, to: Fields): Fields {
  const patch: Fields = {}
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setField(patch, key, null)
  for (const [key, value] of Object.entries(to)) {
    const before = Object.hasOwn(from, key) ? from[key] : undefined
    if (sameJson(before, value)) continue
    setField(patch, key, isFields(before) && isFields(value) ? difference(before, value) : value)
  }
  return patch
}

test('a merge patch of the difference leads from any object to any other and leaves the first as it was', () => {
  fc.assert(
    fc.property(fields, fields, (from, to) => {
      const before = copyJson(from)
      assert.ok(sameJson(mergePatch(from, difference(from, to)), to))
      assert.deepEqual(from, before)
    }),
  )
})

test('a JSON patch that adds a field and removes it again leaves the document as it was', () => {
  fc.assert(
    fc.property(fields, fc.stringMatching(/^new[a-z~/]{0,3}$/), tree, (document, name, value) => {
      const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
      const added = jsonPatch(document, [{ op: 'add', path, value }])
      assert.ok(sameJson((added as Fields)[name], value))
      assert.deepEqual(
        jsonPatch(added, [
          { op: 'test', path, value },
          { op: 'remove', path },
        ]),
        document,
      )
    }),
  )
})

test('whatever operations come, a JSON patch is applied or refused, and the document is not touched', () => {
  const operation = fc.record({
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'spam'),
    path: fc.constantFrom(
      '',
      '/a',
      '/a/b',
      '/b/0',
      '/b/-',
      '/b/00',
      '/__proto__/x',
      'a',
      '/constructor/prototype',
    ),
    from: fc.constantFrom('/a', '/b/1', '/zz'),
    value: fc.jsonValue(),
  })
  fc.assert(
    fc.property(fields, fc.array(operation, { maxLength: 4 }), (document, operations) => {
      const before = copyJson(document)
      try {
        jsonPatch(document, operations)
      } catch (thrown) {
        assert.ok(thrown instanceof JsonPatchError, String(thrown))
      }
      assert.deepEqual(document, before)
      assert.equal(Object.hasOwn(Object.prototype, 'x'), false)
    }),
  )
})
