import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MountedVolumes } from './mounted-volumes.ts'

test('a volume is known to the reader who filled it last, and to no other', () => {
  const volumes = new MountedVolumes(10)
  assert.equal(volumes.has('/a', 'shop'), false)
  volumes.filled('/a', 'shop', 3)
  assert.equal(volumes.filesOf('/a'), 3)
  assert.equal(volumes.filesOf('/b'), 0)
  assert.equal(volumes.has('/a', 'shop'), true)
  assert.equal(volumes.has('/a', 'other'), false)
  assert.equal(volumes.has('/b', 'shop'), false)
  volumes.filled('/a', 'other', 1)
  assert.equal(volumes.has('/a', 'shop'), false)
})

test('the volumes that were filled longest ago are forgotten', () => {
  const volumes = new MountedVolumes(2)
  for (const path of ['/a', '/b', '/a', '/c']) volumes.filled(path, 'shop', 1)
  assert.deepEqual(
    ['/a', '/b', '/c'].map((path) => volumes.has(path, 'shop')),
    [true, false, true],
  )
  assert.equal(volumes.size, 2)
})
