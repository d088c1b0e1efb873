import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoDuration } from './duration.ts'

test("durations in Go's notation are read as Go reads them", () => {
  const expected: [string, number | undefined][] = [
    ['3600s', 3_600_000],
    ['3m', 180_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['250ms', 250],
    ['0', 0],
    ['-1m', -60_000],
    ['1us', 0.001],
    ['10', undefined],
    ['', undefined],
    ['s', undefined],
    ['1d', undefined],
    ['1h 30m', undefined],
    ['1e3s', undefined],
  ]
  for (const [text, milliseconds] of expected) assert.equal(parseGoDuration(text), milliseconds, text)
})
