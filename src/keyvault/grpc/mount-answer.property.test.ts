import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MountFailure } from '../mount-failure.ts'
import type { MountResult } from '../mount-order.ts'
import { MountResponse } from './generated/driver.ts'
import { mountAnswer } from './mount-answer.ts'

const result: fc.Arbitrary<MountResult> = fc.record(
  {
    files: fc.array(
      fc.record(
        {
          path: fc.string({ unit: 'grapheme', maxLength: 20 }),
          mode: fc.integer({ min: 0, max: 0o777 }),
          contents: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 8 },
    ),
    objectVersions: fc.array(
      fc.record({ id: fc.string(), version: fc.string() }, { noNullPrototype: true }),
      { maxLength: 8 },
    ),
  },
  { noNullPrototype: true },
)

test('an answer that passes is not larger on the wire than the bound', () => {
  fc.assert(
    fc.property(result, fc.integer({ min: 0, max: 3_000 }), (each, limit) => {
      try {
        assert.ok(MountResponse.encode(mountAnswer(each, limit)).finish().length <= limit)
      } catch (thrown) {
        if (!(thrown instanceof MountFailure)) throw thrown
        assert.equal(thrown.code, 'answer-too-large')
      }
    }),
  )
})

test('files come through the wire as they are', () => {
  fc.assert(
    fc.property(result, (each) => {
      const wire = MountResponse.encode(mountAnswer(each, 1_000_000)).finish()
      const { files, objectVersion } = MountResponse.decode(wire)
      assert.deepEqual({ files, objectVersions: objectVersion }, each)
    }),
  )
})

test('an answer that is too large says what the driver takes, and where it was reached', () => {
  const contents = Buffer.alloc(3 * 1024 * 1024)
  const files = ['a', 'b'].map((path) => ({ path, mode: 0o644, contents }))
  assert.throws(
    () => mountAnswer({ files, objectVersions: [] }, 4_194_304),
    /^MountFailure: the files of the volume are together larger than the 4194304 bytes that the CSI driver takes at once, reached with b$/,
  )
})
