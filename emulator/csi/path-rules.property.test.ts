import assert from 'node:assert/strict'
import { join, posix } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { pathFault } from './path-rules.ts'

test('each rule has the words of the driver', () => {
  const expected: [string, string][] = [
    ['', 'invalid path: must not be empty: ""'],
    ['/etc/passwd', 'invalid path: must be relative path: /etc/passwd'],
    ['a/'.repeat(2_100), 'invalid path: must be less than or equal to 4096 characters'],
    ['x'.repeat(256), 'invalid path: filenames must be less than or equal to 255 characters'],
    ['a/../b', "invalid path: must not contain '..': a/../b"],
    ['..', "invalid path: must not contain '..': .."],
    ['..data', "invalid path: must not start with '..': ..data"],
    ['a//b', 'invalid filepath: "a//b"'],
    ['./a', 'invalid filepath: "./a"'],
    ['a/', 'invalid filepath: "a/"'],
  ]
  for (const [path, fault] of expected) assert.equal(pathFault(path), fault)
  for (const path of ['a', 'a/b', 'a/..b', '.hidden', 'x'.repeat(255)]) {
    assert.equal(pathFault(path), undefined, path)
  }
})

const piece = fc.constantFrom('a', 'b.pem', '.', '..', '..data', '', ' ', 'ä', '…')

test('a path without a fault stays below its folder and has one spelling', () => {
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const path = pieces.join('/')
      if (pathFault(path) !== undefined || path === '.') return
      const below = join('/volume', path)
      assert.ok(below.startsWith('/volume/'), below)
      assert.equal(posix.relative('/volume', below), path)
      assert.ok(!path.startsWith('..'))
    }),
  )
})
