import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VaultVersion } from './vault-objects.ts'
import { MOST_VERSIONS, newestOf } from './vault-versions.ts'

const versions = (count: number, from: number, enabled = true): VaultVersion[] =>
  Array.from({ length: count }, (_, index) => ({
    version: `v${from + index}`,
    enabled,
    created: from + index,
  }))

test('a list within the bound stays as it is', () => {
  const list = [...versions(500, 0), ...versions(500, 1_000, false)]
  assert.equal(newestOf(list), list)
})

test('of a longer list the newest stay, in the order of the list', () => {
  const list = [...versions(25, 5_000), ...versions(MOST_VERSIONS, 0)]
  assert.deepEqual(newestOf(list), [...versions(25, 5_000), ...versions(MOST_VERSIONS - 25, 25)])
})

test('an enabled version goes before disabled ones that are newer', () => {
  const list = [...versions(3, 0), ...versions(MOST_VERSIONS, 10, false)]
  const kept = newestOf(list)
  assert.equal(kept.length, MOST_VERSIONS)
  assert.equal(kept.filter(({ enabled }) => enabled).length, 3)
})
