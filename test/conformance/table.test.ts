import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { SCENARIOS } from '../e2e/scenarios.ts'
import { TABLE } from './table.ts'

const LAST_SECTION = 14
const DIFFERENCES = 'docs/differences.md'

/** Names of the tests in a source, without escapes; what a template fills in is `*`. */
function testNames(source: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [, quote = '', text = ''] of source.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/gs)) {
    const filled = quote === '`' ? text.replaceAll(/\$\{[^}]*\}/g, '*') : text
    names.add(filled.replaceAll(/\\(.)/g, '$1'))
  }
  return names
}

/** Rows of the tables in docs/differences.md: id and the three texts. */
function differenceRows(): readonly (readonly string[])[] {
  return readFileSync(DIFFERENCES, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}

const differenceIds = (): string[] => differenceRows().map(([id = '']) => id.replaceAll('`', ''))

test('every row of the conformance table has an id of its own, a fact and a known section', () => {
  const ids = TABLE.map((row) => row.id)
  assert.equal(new Set(ids).size, ids.length)
  const facts = TABLE.map((row) => `${row.section} ${row.fact}`)
  assert.equal(new Set(facts).size, facts.length, 'a fact that stands twice')
  for (const { id, section, fact } of TABLE) {
    assert.ok(section >= 1 && section <= LAST_SECTION, id)
    assert.ok(fact.length > 10 && !fact.includes('\n'), id)
  }
  for (let section = 1; section <= LAST_SECTION; section += 1) {
    assert.ok(
      TABLE.some((row) => row.section === section),
      `section ${section} has no row`,
    )
  }
})

test('every fact is proven by a test or scenario that exists, or says why it comes later', () => {
  const names = new Map<string, ReadonlySet<string>>()
  const onCluster = new Set(SCENARIOS.map(({ name }) => name))
  for (const row of TABLE) {
    if (row.verdict === 'later') {
      assert.ok((row.later ?? '') !== '' && row.case === undefined && row.difference === undefined, row.id)
      continue
    }
    assert.ok(row.later === undefined, row.id)
    for (const name of row.e2e ?? []) assert.ok(onCluster.has(name), `${row.id}: no scenario ${name}`)
    if (row.case === undefined) {
      assert.ok((row.e2e ?? []).length > 0, row.id)
      continue
    }
    const { file, test: name } = row.case
    if (!names.has(file)) {
      assert.ok(existsSync(file), `${row.id}: there is no ${file}`)
      names.set(file, testNames(readFileSync(file, 'utf8')))
    }
    assert.ok(names.get(file)?.has(name) === true, `${row.id}: ${file} has no test "${name}"`)
  }
})

test('every row that differs is explained in docs/differences.md, and nothing else is', () => {
  const explained = differenceIds()
  assert.equal(new Set(explained).size, explained.length, 'an id that stands twice')
  const used = new Set<string>()
  for (const row of TABLE) {
    assert.equal(row.difference !== undefined, row.verdict === 'differs', row.id)
    if (row.difference !== undefined) used.add(row.difference)
  }
  assert.deepEqual(
    [...used].filter((id) => !explained.includes(id)).sort(),
    [],
    'used by a row and not explained',
  )
  assert.deepEqual(explained.filter((id) => !used.has(id)).sort(), [], 'explained and used by no row')
})

test('every difference says what was, what is and why', () => {
  const rows = differenceRows()
  assert.ok(rows.length > 0)
  for (const cells of rows) {
    assert.equal(cells.length, 4, cells[0])
    for (const cell of cells) assert.notEqual(cell, '', cells[0])
  }
})

test('names of tests are read in every quoting', () => {
  const source = `
    test('plain', () => {})
    test("it's", async () => {})
    test('it\\'s too', f)
    test(
      \`with \${a.b} and \${c}\`,
      f,
    )
    contest('not this', f)`
  assert.deepEqual([...testNames(source)], ['plain', "it's", "it's too", 'with * and *'])
})
