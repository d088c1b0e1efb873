import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOrder } from './command-line.ts'
import type { Scenario } from './scenario.ts'

const scenario = (name: string, smoke = false): Scenario => ({
  name,
  smoke,
  proves: name,
  run: () => Promise.resolve(),
})
const ALL = [scenario('one', true), scenario('other'), scenario('once')]
const names = (argv: readonly string[]): string[] => readOrder(argv, ALL).scenarios.map(({ name }) => name)

test('without words all scenarios run on all networks', () => {
  assert.deepEqual(names([]), ['one', 'other', 'once'])
  assert.deepEqual(readOrder([], ALL).shapes, ['routed', 'bridge'])
})

test('words choose by the beginning of the name, and --smoke narrows', () => {
  assert.deepEqual(names(['on']), ['one', 'once'])
  assert.deepEqual(names(['--smoke']), ['one'])
  assert.deepEqual(names(['on', '--smoke']), ['one'])
})

test('a word that chooses nothing is refused: a run of no scenarios must not look like a success', () => {
  assert.throws(() => readOrder(['nothing'], ALL), /no scenario is called nothing/)
  assert.throws(() => readOrder(['other', '--smoke'], ALL), /nothing is left/)
  assert.throws(() => readOrder(['--shape', 'ring'], ALL), /routed or bridge/)
  assert.throws(() => readOrder(['--unknown'], ALL))
})

test('--keep alone runs no scenario', () => {
  assert.deepEqual(names(['--keep']), [])
  assert.deepEqual(names(['--keep', 'other']), ['other'])
})
