import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import type { FaultRule, Latency } from './fault-rule.ts'
import { FaultTable } from './fault-table.ts'
import { drawLatency } from './latency.ts'

const SUBJECT = {
  service: 'arm',
  route: 'arm.vmss.patch',
  method: 'PATCH',
  target: '/subscriptions/S/pool',
} as const
const ERROR = { kind: 'error', status: 500 } as const

function spoils(rule: Omit<FaultRule, 'effect'>, times = 1): boolean[] {
  const table = new FaultTable(new FakeClock())
  table.add({ ...rule, effect: ERROR })
  return Array.from({ length: times }, () => table.draw(SUBJECT).spoiling !== undefined)
}

test('a rule acts on what it names: service, route with stars, method, part of the target', () => {
  const yes: Omit<FaultRule, 'effect'>[] = [
    {},
    { service: 'arm' },
    { route: 'arm.vmss.patch' },
    { route: 'arm.*' },
    { route: '*.patch' },
    { method: 'patch' },
    { target: 'POOL' },
  ]
  const no: Omit<FaultRule, 'effect'>[] = [
    { service: 'imds' },
    { route: 'arm.vmss' },
    { route: 'arm.vm.*' },
    { route: 'armXvmss.patch' },
    { method: 'GET' },
    { target: 'other' },
  ]
  for (const rule of yes) assert.deepEqual(spoils(rule), [true], JSON.stringify(rule))
  for (const rule of no) assert.deepEqual(spoils(rule), [false], JSON.stringify(rule))
})

test('a rule lets so many pass first, then acts so often', () => {
  assert.deepEqual(spoils({ after: 2, count: 2 }, 6), [false, false, true, true, false, false])
})

test('a probability acts about as often as it says', () => {
  const hits = spoils({ probability: 0.25 }, 4_000).filter(Boolean).length
  assert.ok(hits > 850 && hits < 1_150, String(hits))
})

test('delays add up, and of the other effects the first wins', () => {
  const table = new FaultTable(new FakeClock())
  table.add({ effect: { kind: 'latency', latency: { kind: 'fixed', ms: 30 } } })
  table.add({ id: 'mine', effect: { kind: 'reset', when: 'before' } })
  table.add({ effect: ERROR })
  table.add({ effect: { kind: 'latency', latency: { kind: 'fixed', ms: 12 } } })
  const drawn = table.draw(SUBJECT)
  assert.equal(drawn.delayMs, 42)
  assert.equal(drawn.spoiling?.kind, 'reset')
  assert.equal(table.remove('mine'), true)
  assert.equal(table.remove('mine'), false)
  assert.equal(table.draw(SUBJECT).spoiling?.kind, 'error')
  assert.deepEqual(
    table.list().map(({ seen, done }) => [seen, done]),
    [
      [2, 2],
      [1, 1],
      [2, 2],
    ],
  )
})

test('a malformed rule is refused', () => {
  const table = new FaultTable(new FakeClock())
  for (const rule of [
    {},
    { effect: { kind: 'explode' } },
    { effect: ERROR, probability: 2 },
    { effect: ERROR, rout: 'x' },
  ])
    assert.throws(() => table.add(rule as FaultRule), /Invalid/)
})

test('latencies stay within their bounds and have about their middle', () => {
  const clock = new FakeClock({ seed: 7 })
  const kinds: { latency: Latency; max: number; middle: number }[] = [
    { latency: { kind: 'uniform', fromMs: 10, toMs: 20 }, max: 20, middle: 15 },
    { latency: { kind: 'exponential', meanMs: 100, maxMs: 2_000 }, max: 2_000, middle: 69 },
    { latency: { kind: 'lognormal', medianMs: 50, sigma: 0.5, maxMs: 1_000 }, max: 1_000, middle: 50 },
  ]
  for (const { latency, max, middle } of kinds) {
    const draws = Array.from({ length: 2_001 }, () => drawLatency(latency, clock)).sort((a, b) => a - b)
    assert.ok((draws[0] ?? -1) >= 0 && (draws.at(-1) ?? 0) <= max)
    const median = draws[1_000] ?? 0
    assert.ok(Math.abs(median - middle) < middle * 0.15, `${latency.kind}: ${median}`)
  }
})

test('whatever rules are in force, counts are never exceeded', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          after: fc.nat(5),
          count: fc.integer({ min: 1, max: 5 }),
          probability: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
        { maxLength: 5 },
      ),
      fc.nat(60),
      (rules, requests) => {
        const table = new FaultTable(new FakeClock())
        for (const rule of rules) table.add({ ...rule, effect: ERROR })
        for (let number = 0; number < requests; number += 1) table.draw(SUBJECT)
        for (const { rule, seen, done } of table.list()) {
          assert.ok(done <= (rule.count ?? 0))
          assert.ok(done <= Math.max(0, seen - (rule.after ?? 0)))
        }
      },
    ),
  )
})
