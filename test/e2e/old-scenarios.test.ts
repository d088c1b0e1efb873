import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TABLE } from '../conformance/table.ts'
import { OLD_SCENARIOS } from './old-scenarios.ts'
import { SCENARIOS } from './scenarios.ts'

const OLD_COUNT = 27

test('each of the 27 end-to-end scenarios of AAD Pod Identity has a scenario here that exists', () => {
  const numbers = Array.from({ length: OLD_COUNT }, (_, at) => String(at + 1))
  assert.deepEqual(Object.keys(OLD_SCENARIOS), numbers)
  const names = new Set(SCENARIOS.map(({ name }) => name))
  for (const [number, shown] of Object.entries(OLD_SCENARIOS)) {
    assert.ok(shown.length > 0, `old scenario ${number} has none`)
    for (const name of shown) assert.ok(names.has(name), `old scenario ${number}: there is no ${name}`)
  }
})

test('the conformance table has a row for each of them, and none of these comes later', () => {
  const rows = TABLE.filter(({ section }) => section === 10)
  assert.equal(rows.length, OLD_COUNT)
  for (const { id, verdict, e2e = [] } of rows) assert.ok(verdict !== 'later' && e2e.length > 0, id)
})

test('every scenario has a name of its own, and says what it proves in a sentence', () => {
  const names = SCENARIOS.map(({ name }) => name)
  assert.deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
  for (const { name, proves } of SCENARIOS) {
    assert.match(name, /^[a-z0-9]+(-[a-z0-9]+)*$/)
    assert.ok(proves.split(' ').length > 7, `${name}: ${proves}`)
  }
})
