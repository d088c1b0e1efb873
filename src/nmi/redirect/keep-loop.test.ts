import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { OperatorError } from '../../base/errors.ts'
import { silentLog } from '../../telemetry/log.ts'
import { createKeepLoop, type KeepLoop } from './keep-loop.ts'
import type { KeepResult } from './keeper.ts'

const FINE: KeepResult = { faults: [], localnetChanged: false, unguarded: false, failure: undefined }
const WRITTEN: KeepResult = { ...FINE, faults: ['chain_missing', 'jump_missing'] }

interface Bench {
  readonly loop: KeepLoop
  readonly clock: FakeClock
  readonly outcomes: string[]
  /** Answers of the looks to come; the last one is given again and again. */
  readonly answers: Array<KeepResult | Error>
  readonly installs: () => number
}

function benchWith(...answers: Array<KeepResult | Error>): Bench {
  const clock = new FakeClock()
  const outcomes: string[] = []
  let installs = 0
  const loop = createKeepLoop({
    keep() {
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? FINE)
    },
    onInstalled() {
      installs += 1
      return Promise.resolve()
    },
    clock,
    log: silentLog,
    metrics: { rulesChecked: (outcome) => outcomes.push(outcome), connectionsCut: () => {} },
    intervalMs: 60_000,
  })
  return { loop, clock, outcomes, answers, installs: () => installs }
}

test('the rules are looked at on the interval, and only a later change counts as a repair', async () => {
  const { loop, clock, outcomes, installs } = benchWith(WRITTEN, FINE, WRITTEN, FINE)
  await loop.start()
  assert.equal(loop.status().active, true)
  await clock.advance(59_999)
  assert.deepEqual(outcomes, ['installed'])
  await clock.advance(1)
  await clock.advance(120_000)
  assert.deepEqual(outcomes, ['installed', 'unchanged', 'repaired', 'unchanged'])
  assert.equal(loop.status().repairs, 1)
  assert.equal(installs(), 1)
  await loop.stop()
})

test('a failure at start is a reason in the status, is tried again soon, and installs later', async () => {
  const { loop, clock, outcomes, answers, installs } = benchWith(new Error('the lock is held'))
  await loop.start()
  assert.equal(loop.status().active, false)
  assert.match(loop.status().reason ?? '', /the lock is held/)
  await clock.advance(5_000)
  assert.ok(outcomes.length > 2)
  assert.equal(installs(), 0)
  answers.push(WRITTEN)
  await clock.advance(60_000)
  assert.equal(loop.status().active, true)
  assert.equal(loop.status().reason, undefined)
  assert.equal(installs(), 1)
  await loop.stop()
})

test('a failure later takes the readiness away until the rules stand again', async () => {
  const { loop, clock } = benchWith(FINE, new Error('no answer'), FINE)
  await loop.start()
  await clock.advance(60_000)
  assert.equal(loop.status().active, false)
  assert.equal(loop.status().failures, 1)
  await clock.advance(1_000)
  assert.equal(loop.status().active, true)
  await loop.stop()
})

test("an operator's mistake ends the start", async () => {
  const { loop, clock } = benchWith(new OperatorError('route_localnet is off'))
  await assert.rejects(loop.start(), /route_localnet is off/)
  assert.equal(clock.timers, 0)
  await loop.stop()
})

test('after stop no timer is left and nothing is looked at', async () => {
  const { loop, clock, outcomes } = benchWith(FINE)
  await loop.start()
  await loop.stop()
  assert.equal(clock.timers, 0)
  await clock.advance(600_000)
  assert.deepEqual(outcomes, ['unchanged'])
  assert.equal(loop.status().active, false)
})
