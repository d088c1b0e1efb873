import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { createImdsLimits } from './imds-limits.ts'

test('identity admits 20 requests in any second, the other categories 5 each', async () => {
  const clock = new FakeClock()
  const limits = createImdsLimits(clock)
  const admitted = (category: string, tries: number) =>
    Array.from({ length: tries }, () => limits.admit(category)).filter(Boolean).length
  assert.equal(admitted('identity', 30), 20)
  assert.equal(admitted('instance', 30), 5)
  assert.equal(admitted('attested', 30), 5)
  await clock.advance(999)
  assert.equal(admitted('identity', 1), 0)
  await clock.advance(1)
  assert.equal(admitted('identity', 30), 20)
})

test('six identity requests at once are one too many; a finished one makes room', async () => {
  const limits = createImdsLimits(new FakeClock())
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<string>())
  const running = gates.map((gate) => limits.during('identity', () => gate.promise))
  assert.equal(await limits.during('identity', () => Promise.resolve('x')), 'too-many')
  assert.equal(await limits.during('instance', () => Promise.resolve('x')), 'x')
  gates[0]?.reject(new Error('broken'))
  await assert.rejects(running[0] ?? Promise.resolve(), /broken/)
  assert.equal(await limits.during('identity', () => Promise.resolve('x')), 'x')
  for (const gate of gates) gate.resolve('done')
  assert.deepEqual(await Promise.all(running.slice(1)), Array(4).fill('done'))
})
