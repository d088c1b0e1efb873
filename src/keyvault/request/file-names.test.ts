import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { VaultVersion } from '../../azure/vault-objects.ts'
import { filePath, newestVersions, objectUid } from './file-names.ts'

const version = (name: string, created: number, enabled = true): VaultVersion => ({
  version: name,
  created,
  enabled,
})
const LIST = [version('b', 20), version('d', 40), version('x', 50, false), version('a', 10), version('c', 30)]

const names = (list: readonly VaultVersion[], history: number, start = ''): string =>
  newestVersions(list, { version: start, history })
    .map((each) => each.version)
    .join('')

test('names and UIDs', () => {
  assert.equal(objectUid({ type: 'secret', name: 'db' }), 'secret/db')
  assert.equal(objectUid({ type: 'cert', name: 'tls' }, 8), 'cert/tls/8')
  assert.equal(filePath({ path: 'conf/db' }), 'conf/db')
  assert.equal(filePath({ path: 'conf/db' }, 0), 'conf/db/0')
})

test('the newest enabled versions, as many as asked for and not one more', () => {
  assert.equal(names(LIST, 2), 'dc')
  assert.equal(names(LIST, 4), 'dcba')
  assert.equal(names(LIST, 10), 'dcba')
  assert.equal(names([], 3), '')
})

test('they begin at the version of the class; one that is not there gives none', () => {
  assert.equal(names(LIST, 2, 'c'), 'cb')
  assert.equal(names(LIST, 5, 'a'), 'a')
  assert.equal(names(LIST, 5, 'x'), '')
  assert.equal(names(LIST, 5, 'nope'), '')
})

test('the order of the list does not matter, also among versions of one second', () => {
  const item = fc.record({
    version: fc.stringMatching(/^[a-d]{1,2}$/),
    created: fc.nat(3),
    enabled: fc.boolean(),
  })
  const lists = fc.uniqueArray(item, { selector: (each) => each.version, maxLength: 12 })
  const shuffled = lists.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  )
  fc.assert(
    fc.property(shuffled, fc.integer({ min: 1, max: 5 }), ([list, other], history) => {
      const chosen = newestVersions(list, { version: '', history })
      assert.deepEqual(newestVersions([...other, ...other], { version: '', history }), chosen)
      assert.ok(chosen.length <= history)
      assert.ok(chosen.every((each, index) => each.created >= (chosen[index + 1]?.created ?? 0)))
    }),
  )
})
