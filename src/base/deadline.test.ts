import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { DeadlineError, sleep, waitUnder, withDeadline } from './deadline.ts'

const never = (): Promise<never> => new Promise<never>(() => {})

test('work that is late is given up, and its signal aborts', async () => {
  const clock = new FakeClock()
  let seen: AbortSignal | undefined
  const result = withDeadline({ clock, ms: 500, what: 'reading' }, (signal) => {
    seen = signal
    return never()
  })
  const rejected = assert.rejects(result, (error) => {
    assert.ok(error instanceof DeadlineError)
    assert.equal(error.message, 'reading took longer than 500 ms')
    return true
  })
  await clock.advance(500)
  await rejected
  assert.equal(seen?.aborted, true)
})

test('work in time leaves no timer and no listener behind', async () => {
  const clock = new FakeClock()
  const parent = new AbortController()
  assert.equal(await withDeadline({ clock, ms: 500, what: 'x', parent: parent.signal }, async () => 7), 7)
  assert.equal(clock.timers, 0)
})

test('the parent ends the work with its own reason', async () => {
  const parent = new AbortController()
  const result = withDeadline({ clock: new FakeClock(), ms: 500, what: 'x', parent: parent.signal }, never)
  parent.abort(new Error('client left'))
  await assert.rejects(result, /client left/)
})

test('who waits for what others wait for leaves alone, and leaves no listener behind', async () => {
  const shared = Promise.withResolvers<string>()
  const [leaving, staying] = [new AbortController(), new AbortController()]
  const left = waitUnder(leaving.signal, shared.promise)
  const stayed = waitUnder(staying.signal, shared.promise)
  leaving.abort(new Error('client left'))
  await assert.rejects(left, /client left/)
  shared.resolve('token')
  assert.equal(await stayed, 'token')
  for (const { signal } of [leaving, staying]) assert.deepEqual(getEventListeners(signal, 'abort'), [])
  await assert.rejects(waitUnder(leaving.signal, shared.promise), /client left/)
})

test('sleep ends early and cleans up when its signal aborts', async () => {
  const clock = new FakeClock()
  const controller = new AbortController()
  const sleeping = sleep(clock, 1_000, controller.signal)
  controller.abort(new Error('stop'))
  await assert.rejects(sleeping, /stop/)
  assert.equal(clock.timers, 0)
})

test('sleep lasts as long as it was told', async () => {
  const clock = new FakeClock()
  let awake = false
  const sleeping = (async () => {
    await sleep(clock, 1_000)
    awake = true
  })()
  await clock.advance(999)
  assert.equal(awake, false)
  await clock.advance(1)
  await sleeping
  assert.equal(awake, true)
})
