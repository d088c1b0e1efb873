import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Owner } from './lifecycle.ts'

test('what was opened last is closed first, and all of it in spite of a failure', async () => {
  const order: string[] = []
  const owner = new Owner()
  owner.own(() => void order.push('first'))
  owner.own(() => {
    throw new Error('stuck')
  })
  owner.own(async () => void order.push('last'))
  await assert.rejects(owner.close(), /closing failed: stuck/)
  assert.deepEqual(order, ['last', 'first'])
})

test('the signal aborts when closing begins, and closing twice is closing once', async () => {
  let closed = 0
  const owner = new Owner()
  owner.own(() => {
    closed += 1
    assert.equal(owner.signal.aborted, true)
  })
  await Promise.all([owner.close(), owner.close()])
  assert.equal(closed, 1)
})

test('what is registered after the close is closed at once', async () => {
  const owner = new Owner()
  await owner.close()
  let closed = false
  owner.own(() => {
    closed = true
  })
  await owner.close()
  assert.equal(closed, true)
})
