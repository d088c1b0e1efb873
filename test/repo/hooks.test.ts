import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const ROOT = join(import.meta.dirname, '..', '..')

/** A hook outside of `describe`: all files run in one process, so it would run for each test of all of them. */
function hasHookForAll(source: string): boolean {
  return /^(?:beforeEach|afterEach)\(/m.test(source)
}

test('no test file has a hook that runs for the tests of all others', () => {
  const files = globSync('{src,emulator,scripts,test}/**/*.test.ts', { cwd: ROOT })
  assert.ok(files.length > 100)
  assert.deepEqual(
    files.filter((file) => hasHookForAll(readFileSync(join(ROOT, file), 'utf8'))),
    [],
  )
})

test('such a hook is found, and one inside of describe is none', () => {
  assert.equal(hasHookForAll("import {} from 'x'\nbeforeEach(() => {})\n"), true)
  assert.equal(hasHookForAll("describe('x', () => {\n  afterEach(() => {})\n})\n"), false)
})
