import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLineSplitter } from './line-splitter.ts'

/** Lines as a watch has them: no line end inside, of any characters of any width. */
const line = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => text.replaceAll(/[\r\n]/g, '').trim())
  .filter((text) => text !== '' && text.isWellFormed())

/** Cuts the bytes at the given places, which may be inside a character, and may make empty pieces. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, position) => bytes.subarray(sorted[position], end))
}

test('however the network cuts the bytes, the same lines come out', () => {
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
      const splitter = createLineSplitter(1_000_000)
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''))
      const out = cut(bytes, places).flatMap((piece) => [...splitter.push(piece)])
      assert.deepEqual(out, lines)
      assert.equal(splitter.pending, 0)
    }),
    { numRuns: 500 },
  )
})

test('a line within the bound passes and a longer one is refused, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(), { maxLength: 5 }), (length, places) => {
      const splitter = createLineSplitter(100)
      const pieces = cut(Buffer.from(`${'x'.repeat(length)}\n`), places)
      const read = (): string[] => pieces.flatMap((piece) => [...splitter.push(piece)])
      if (length <= 100) assert.deepEqual(read(), ['x'.repeat(length)])
      else assert.throws(read, /larger than 100 bytes/)
    }),
  )
})

test('an unfinished line is held back and counted, and blank lines are none', () => {
  const splitter = createLineSplitter(100)
  assert.deepEqual([...splitter.push(Buffer.from('one\r\n\n  \nha'))], ['one'])
  assert.equal(splitter.pending, 2)
  assert.deepEqual([...splitter.push(Buffer.from('lf\n'))], ['half'])
})
