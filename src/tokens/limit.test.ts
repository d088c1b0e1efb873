import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { ManualSource, makeRequest, makeToken, never } from '../../test/fakes/token-sources.ts'
import { FairLimiter } from './fair-limiter.ts'
import { limited } from './limit.ts'
import { TokenError } from './token-source.ts'

/** One at a time, one that waits for each pod, two in all; and who was turned away, as its text and its own share. */
function build() {
  const clock = new FakeClock()
  const inner = new ManualSource()
  const limiter = new FairLimiter({
    clock,
    perSecond: 18,
    concurrent: 1,
    concurrentPerCaller: 1,
    queuedPerCaller: 1,
    queued: 2,
    queueMs: 20_000,
  })
  const reasons: string[] = []
  const source = limited(inner, { limiter, pausesAll: true, refused: (reason) => reasons.push(reason) })
  const ask = (caller: string) => source.token(makeRequest({ caller }), never)
  const turnedAway = (asked: Promise<unknown>, text: RegExp, ownShare: boolean) =>
    assert.rejects(asked, (thrown) => {
      assert.ok(thrown instanceof TokenError)
      assert.equal(thrown.code, 'upstream-throttled')
      assert.equal(thrown.retryAfterSeconds, 2)
      assert.match(thrown.message, text)
      assert.equal(thrown.ownShare, ownShare)
      return true
    })
  return { clock, inner, limiter, reasons, ask, turnedAway }
}

test('who used up his own share is told apart from whom a full node turns away', async () => {
  const { clock, inner, reasons, ask, turnedAway } = build()
  const served = ask('a')
  const late = [turnedAway(ask('a'), /in time/, true), turnedAway(ask('b'), /in time/, true)]
  await turnedAway(ask('a'), /this pod has too many/, true)
  await turnedAway(ask('c'), /on this node/, false)
  await clock.advance(20_000)
  await Promise.all(late)
  assert.deepEqual(reasons, ['caller', 'total', 'time', 'time'])
  inner.call(0).answer(makeToken(clock))
  await served
})
