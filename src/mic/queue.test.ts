import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { sleep } from '../base/deadline.ts'
import { type QueueOptions, WorkQueue } from './queue.ts'

function makeQueue(
  run: (key: string, clock: FakeClock) => Promise<number | undefined>,
  options: Partial<QueueOptions> = {},
) {
  const clock = new FakeClock()
  const controller = new AbortController()
  const started: string[] = []
  const failures: number[] = []
  const queue = new WorkQueue({
    clock,
    concurrency: 2,
    gatherMs: 0,
    backoff: { firstMs: 1_000, maxMs: 8_000 },
    signal: controller.signal,
    run: (key) => {
      started.push(key)
      return run(key, clock)
    },
    onError: (_key, _thrown, againMs) => failures.push(againMs),
    ...options,
  })
  return { clock, controller, failures, queue, started }
}

const takes =
  (ms: number) =>
  async (_key: string, clock: FakeClock): Promise<undefined> => {
    await sleep(clock, ms)
    return undefined
  }

test('a key that is mentioned many times before its turn is one piece of work', async () => {
  const { clock, queue, started } = makeQueue(takes(10))
  for (let i = 0; i < 100; i += 1) queue.add('a')
  await clock.advance(1_000)
  assert.deepEqual(started, ['a'])
  assert.equal(queue.size, 0)
})

test('a key that is mentioned while it runs runs exactly once more, and never twice at once', async () => {
  const { clock, queue, started } = makeQueue(takes(100))
  queue.add('a')
  await clock.advance(50)
  for (let i = 0; i < 10; i += 1) queue.add('a')
  assert.deepEqual(started, ['a'])
  await clock.advance(1_000)
  assert.deepEqual(started, ['a', 'a'])
})

test('no more keys run at the same time than allowed, and the others follow in order', async () => {
  const { clock, queue, started } = makeQueue(takes(100))
  for (const key of ['a', 'b', 'c', 'd', 'e']) queue.add(key)
  await clock.advance(50)
  assert.deepEqual(started, ['a', 'b'])
  await clock.advance(100)
  assert.deepEqual(started, ['a', 'b', 'c', 'd'])
  await clock.advance(200)
  assert.equal(started.length, 5)
})

test('a gathering time makes one batch of a burst', async () => {
  const { clock, queue, started } = makeQueue(takes(0), { gatherMs: 25 })
  queue.add('a')
  await clock.advance(20)
  queue.add('a')
  assert.deepEqual(started, [])
  await clock.advance(5)
  assert.deepEqual(started, ['a'])
  await clock.advance(1_000)
  assert.deepEqual(started, ['a'])
})

test('failures of a key are tried again with growing pauses that do not hold up other keys', async () => {
  const { clock, failures, queue, started } = makeQueue((key) =>
    key === 'bad' ? Promise.reject(new Error('no')) : Promise.resolve(undefined),
  )
  queue.add('bad')
  queue.add('good')
  await clock.advance(60_000)
  assert.ok(started.filter((key) => key === 'bad').length <= 14)
  assert.deepEqual(started.slice(0, 2), ['bad', 'good'])
  assert.ok((failures[0] ?? 0) <= 1_000 && (failures.at(-1) ?? 0) > 3_000)
})

test('a mention during a failing run does not shorten the pause', async () => {
  const { clock, queue, started } = makeQueue(async (_key, inner) => {
    await sleep(inner, 10)
    throw new Error('no')
  })
  queue.add('a')
  await clock.advance(5)
  queue.add('a')
  await clock.advance(300)
  assert.deepEqual(started, ['a'])
})

test('work that asks for another run gets it then, or earlier when it is mentioned', async () => {
  let asks = 1
  const { clock, queue, started } = makeQueue(() => Promise.resolve(asks-- > 0 ? 60_000 : undefined))
  queue.add('a')
  await clock.advance(1_000)
  assert.equal(started.length, 1)
  queue.add('a')
  await clock.advance(1)
  assert.equal(started.length, 2)
  await clock.advance(120_000)
  assert.equal(started.length, 2)
})

test('after the signal nothing starts, no timer is left, and what runs is waited for', async () => {
  const { clock, controller, queue, started } = makeQueue(takes(100))
  for (const key of ['a', 'b', 'c']) queue.add(key)
  queue.addAfter('later', 5_000)
  await clock.advance(10)
  controller.abort()
  let isDrained = false
  const drained = (async () => {
    await queue.drained()
    isDrained = true
  })()
  await clock.advance(50)
  assert.equal(isDrained, false)
  await clock.advance(60_000)
  await drained
  assert.deepEqual(started, ['a', 'b'])
  assert.equal(clock.timers, 0)
})
