import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { never } from '../../test/fakes/token-sources.ts'
import { sleep } from '../base/deadline.ts'
import { FairLimiter, LimiterError, type LimiterOptions } from './fair-limiter.ts'

function build(options: Partial<LimiterOptions> = {}) {
  const clock = new FakeClock()
  const limiter = new FairLimiter({
    clock,
    perSecond: 18,
    concurrent: 5,
    concurrentPerCaller: 3,
    queuedPerCaller: 32,
    queued: 1_024,
    queueMs: 20_000,
    ...options,
  })
  return { clock, limiter }
}

const reasonOf = (thrown: unknown) => (thrown instanceof LimiterError ? thrown.reason : undefined)

test('in no second arrive more than the rate, wherever they are delayed, and never are more than allowed under way', async () => {
  const job = fc.record({
    at: fc.integer({ min: 0, max: 4_000 }),
    caller: fc.constantFrom('a', 'b', 'c', 'd'),
    // On the way to upstream, and on the way back.
    there: fc.integer({ min: 0, max: 700 }),
    back: fc.integer({ min: 0, max: 700 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(job, { minLength: 1, maxLength: 80 }), async (jobs) => {
      const { clock, limiter } = build()
      const arrivals: number[] = []
      let active = 0
      let most = 0
      const byCaller = new Map<string, number>()
      for (const { at, caller, there, back } of jobs) {
        clock.after(at, () => {
          limiter
            .run(caller, never, async () => {
              active += 1
              most = Math.max(most, active)
              byCaller.set(caller, (byCaller.get(caller) ?? 0) + 1)
              assert.ok((byCaller.get(caller) ?? 0) <= 3)
              await sleep(clock, there)
              arrivals.push(clock.monotonic())
              await sleep(clock, back)
              byCaller.set(caller, (byCaller.get(caller) ?? 0) - 1)
              active -= 1
            })
            .catch((thrown: unknown) => assert.ok(thrown instanceof LimiterError))
        })
      }
      await clock.advance(120_000)
      assert.ok(most <= 5)
      for (const [index, arrival] of arrivals.entries()) {
        const after = arrivals[index + 18]
        if (after !== undefined) assert.ok(after - arrival >= 1_000, `${arrival} ${after}`)
      }
      assert.equal(limiter.queued, 0)
      assert.equal(active, 0)
      assert.equal(clock.timers, 0)
    }),
    { numRuns: 25 },
  )
})

test('a caller with one request waits for one turn of each other caller, not for all their requests', async () => {
  const { clock, limiter } = build({ perSecond: 1, concurrent: 1, concurrentPerCaller: 1 })
  const order: string[] = []
  const ask = (caller: string) => limiter.run(caller, never, () => Promise.resolve(order.push(caller)))
  const all = [...Array.from({ length: 10 }, () => ask('greedy')), ask('modest'), ask('other')]
  await clock.advance(20_000)
  await Promise.all(all)
  assert.ok(order.indexOf('modest') <= 2, order.join(' '))
  assert.ok(order.indexOf('other') <= 3, order.join(' '))
  assert.equal(order.length, 12)
})

test('over time every caller who always wants more gets the same share', async () => {
  const { clock, limiter } = build({ queueMs: 600_000, queued: 10_000, queuedPerCaller: 1_000 })
  const served = new Map<string, number>()
  const callers = ['a', 'b', 'c']
  for (const [index, caller] of callers.entries()) {
    for (let n = 0; n < 300 + index * 300; n += 1) {
      void limiter.run(caller, never, async () => {
        served.set(caller, (served.get(caller) ?? 0) + 1)
        await sleep(clock, 100)
      })
    }
  }
  await clock.advance(30_000)
  const shares = callers.map((caller) => served.get(caller) ?? 0)
  // The first turns go to whoever asks first, before there is anybody to share with.
  assert.ok(Math.max(...shares) - Math.min(...shares) <= 5, shares.join(' '))
  assert.ok(shares.reduce((a, b) => a + b) > 450)
})

test('one caller whose requests hang leaves room for others', async () => {
  const { clock, limiter } = build()
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const hanging = Array.from({ length: 10 }, () => limiter.run('slow', never, () => promise))
  let served = false
  await limiter.run('quick', never, () => {
    served = true
    return Promise.resolve()
  })
  assert.ok(served)
  resolve(undefined)
  await clock.advance(5_000)
  await Promise.all(hanging)
})

test('queues are bounded for one caller and for all, and so is the wait', async () => {
  const { clock, limiter } = build({ perSecond: 1, queuedPerCaller: 2, queued: 3, queueMs: 500 })
  await limiter.run('x', never, () => Promise.resolve())
  const outcomes: unknown[] = []
  const ask = (caller: string) =>
    limiter
      .run(caller, never, () => Promise.resolve('served'))
      .then(
        (text) => outcomes.push(text),
        (thrown: unknown) => outcomes.push(reasonOf(thrown)),
      )
  const all = [ask('a'), ask('a'), ask('a'), ask('b'), ask('c')]
  await clock.advance(600)
  await Promise.all(all)
  assert.deepEqual(outcomes, ['caller', 'total', 'time', 'time', 'time'])
  assert.equal(limiter.queued, 0)
})

test('a caller who leaves gives up the place in the queue at once', async () => {
  const { clock, limiter } = build({ perSecond: 1 })
  await limiter.run('x', never, () => Promise.resolve())
  const controller = new AbortController()
  const left = new Error('left')
  const waiting = limiter.run('a', controller.signal, () => Promise.resolve('served'))
  assert.equal(limiter.queued, 1)
  controller.abort(left)
  await assert.rejects(waiting, (thrown) => thrown === left)
  assert.equal(limiter.queued, 0)
  limiter.stop()
  assert.equal(clock.timers, 0)
})

test('a pause holds everybody back and nobody is lost', async () => {
  const { clock, limiter } = build()
  limiter.pause(5_000)
  limiter.pause(1_000)
  let servedAt = -1
  const waiting = limiter.run('a', never, () => {
    servedAt = clock.monotonic()
    return Promise.resolve()
  })
  await clock.advance(10_000)
  await waiting
  assert.equal(servedAt, 5_000)
})

test('a failing request frees its place', async () => {
  const { limiter } = build({ concurrent: 1, concurrentPerCaller: 1 })
  await assert.rejects(limiter.run('a', never, () => Promise.reject(new Error('boom'))))
  assert.equal(await limiter.run('a', never, () => Promise.resolve('served')), 'served')
})
