import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { type FolderEvents, watchFile } from './watched-file.ts'

const FILE = '/etc/kubernetes/azure.json'

function watched(open?: (folder: string, events: FolderEvents) => { close(): void }) {
  const clock = new FakeClock()
  const told: string[] = []
  const stop = watchFile(FILE, {
    clock,
    changed: () => told.push('changed'),
    failed: (error) => told.push(error.message),
    ...(open === undefined ? {} : { open }),
  })
  return { clock, told, stop }
}

test('a burst of events of the folder is one change', async () => {
  let events: FolderEvents | undefined
  let closed = 0
  const { clock, told, stop } = watched((folder, given) => {
    assert.equal(folder, '/etc/kubernetes')
    events = given
    return { close: () => (closed += 1) }
  })
  events?.changed()
  await clock.advance(150)
  events?.changed()
  await clock.advance(150)
  assert.deepEqual(told, [])
  await clock.advance(50)
  assert.deepEqual(told, ['changed'])
  await clock.advance(600_000)
  assert.deepEqual(told, ['changed'])
  events?.changed()
  stop()
  await clock.advance(1_000)
  assert.deepEqual(told, ['changed'])
  assert.equal(closed, 1)
})

test('a node without inotify instances has its file looked at every minute', async () => {
  const { clock, told, stop } = watched(() => {
    throw new Error('EMFILE: too many open files, watch')
  })
  assert.deepEqual(told, ['EMFILE: too many open files, watch'])
  await clock.advance(59_999)
  assert.equal(told.length, 1)
  await clock.advance(60_001)
  assert.deepEqual(told.slice(1), ['changed', 'changed'])
  stop()
  await clock.advance(600_000)
  assert.equal(told.length, 3)
  assert.equal(clock.timers, 0)
})

test('a watch that breaks is closed and followed by a look every minute', async () => {
  let events: FolderEvents | undefined
  let closed = 0
  const { clock, told, stop } = watched((_, given) => {
    events = given
    return { close: () => (closed += 1) }
  })
  events?.changed()
  events?.failed(new Error('gone'))
  assert.equal(closed, 1)
  await clock.advance(60_000)
  assert.deepEqual(told, ['gone', 'changed'])
  stop()
  assert.equal(clock.timers, 0)
})
