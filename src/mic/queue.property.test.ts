import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { sleep } from '../base/deadline.ts'
import { WorkQueue } from './queue.ts'

const key = fc.constantFrom('a', 'b', 'c', 'd')
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key }),
  fc.record({ kind: fc.constant('later' as const), key, ms: fc.integer({ min: 0, max: 500 }) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 300 }) }),
  fc.record({ kind: fc.constant('fail' as const), key, times: fc.integer({ min: 1, max: 3 }) }),
)

test('whatever is mentioned, fails and takes time: no key runs twice at once, and each runs after its last mention', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 25),
      async (steps, concurrency, gatherMs) => {
        const clock = new FakeClock()
        const stop = new AbortController()
        const running = new Set<string>()
        const failures = new Map<string, number>()
        const mentioned = new Map<string, number>()
        const done = new Map<string, number>()
        let turn = 0
        const queue = new WorkQueue({
          clock,
          concurrency,
          gatherMs,
          backoff: { firstMs: 50, maxMs: 400 },
          signal: stop.signal,
          async run(each) {
            assert.ok(!running.has(each), `${each} runs twice at once`)
            running.add(each)
            assert.ok(running.size <= concurrency, 'more at once than allowed')
            const startedAt = turn
            try {
              await sleep(clock, 100)
            } finally {
              running.delete(each)
            }
            const left = failures.get(each) ?? 0
            if (left > 0) {
              failures.set(each, left - 1)
              throw new Error('fails')
            }
            done.set(each, startedAt)
            return undefined
          },
          onError: (_, thrown) => assert.match(String(thrown), /fails/),
        })
        for (const each of steps) {
          turn += 1
          if (each.kind === 'wait') await clock.advance(each.ms)
          else if (each.kind === 'fail') failures.set(each.key, each.times)
          else {
            mentioned.set(each.key, turn)
            if (each.kind === 'add') queue.add(each.key)
            else queue.addAfter(each.key, each.ms)
          }
        }
        turn += 1
        await clock.advance(60_000)
        for (const [each, at] of mentioned) {
          assert.ok((done.get(each) ?? 0) >= at, `${each}, mentioned at ${at}, last ran at ${done.get(each)}`)
        }
        assert.equal(queue.size, 0)
        assert.equal(clock.timers, 0)
        stop.abort()
      },
    ),
    { numRuns: 100 },
  )
})

test('mentions during the pause after a failure are no further tries', async () => {
  const clock = new FakeClock()
  let runs = 0
  const queue = new WorkQueue({
    clock,
    concurrency: 1,
    gatherMs: 0,
    backoff: { firstMs: 10_000, maxMs: 10_000 },
    signal: new AbortController().signal,
    run() {
      runs += 1
      return Promise.reject(new Error('fails'))
    },
    onError: () => {},
  })
  for (let mention = 0; mention < 20; mention += 1) {
    queue.add('a')
    await clock.advance(100)
  }
  assert.equal(runs, 1)
  await clock.advance(10_000)
  assert.equal(runs, 2)
})
