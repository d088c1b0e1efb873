import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { never } from '../../test/fakes/token-sources.ts'
import { sleep } from '../base/deadline.ts'
import { createMetadataLimiter } from './metadata-door.ts'

test('IMDS sees four metadata requests a second, three at once, and a pod that floods it waits for itself', async () => {
  const clock = new FakeClock()
  const limiter = createMetadataLimiter(clock)
  const arrivals: { pod: string; at: number }[] = []
  let active = 0
  let most = 0
  const ask = (pod: string) =>
    limiter.run(pod, never, async () => {
      active += 1
      most = Math.max(most, active)
      arrivals.push({ pod, at: clock.monotonic() })
      await sleep(clock, 50)
      active -= 1
    })
  const flood = Promise.allSettled(Array.from({ length: 20 }, () => ask('flood')))
  const others = ['a', 'b', 'c'].map(ask)
  await clock.advance(10_000)
  await Promise.all(others)
  assert.ok((await flood).filter(({ status }) => status === 'rejected').length >= 14)
  for (const { at } of arrivals)
    assert.ok(arrivals.filter((each) => each.at >= at && each.at < at + 1_000).length <= 4)
  assert.equal(most, 3)
  for (const { pod, at } of arrivals) if (pod !== 'flood') assert.ok(at <= 2_000, `${pod} ${at}`)
  limiter.stop()
  assert.equal(clock.timers, 0)
})
