import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { type Journey, LockServer, lockOver } from '../../test/fakes/memory-lock.ts'
import { silentLog } from '../telemetry/log.ts'
import type { LeaderLock } from './leader-lock.ts'
import { createLeaderElection, type LeaderElection } from './lease.ts'

const TIMINGS = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 }
const QUICK: Journey = { there: 5, back: 5 }
/** Nobody hears for a minute that it is lost. */
const STALLED: Journey = { there: 60_000, back: 0, lost: 'there' }

interface Candidate {
  readonly election: LeaderElection
  readonly stop: AbortController
  readonly ended: Promise<void>
  /** `monotonic` times at which terms began and ended. */
  readonly began: number[]
  readonly lost: number[]
}

function contend(clock: FakeClock, identity: string, locks: readonly LeaderLock[], windUpMs = 0): Candidate {
  const election = createLeaderElection({ ...TIMINGS, locks, identity, clock, log: silentLog })
  const stop = new AbortController()
  const began: number[] = []
  const lost: number[] = []
  const ended = election.contend(async (signal) => {
    began.push(clock.monotonic())
    const { promise, resolve } = Promise.withResolvers<undefined>()
    signal.addEventListener('abort', () => {
      lost.push(clock.monotonic())
      clock.after(windUpMs, () => resolve(undefined))
    })
    await promise
  }, stop.signal)
  return { election, stop, ended, began, lost }
}

function world(t: TestContext) {
  const clock = new FakeClock()
  const server = new LockServer()
  const network = { clock, journey: (): Journey => QUICK }
  const candidates: Candidate[] = []
  t.after(async () => {
    for (const each of candidates) each.stop.abort(new Error('test ends'))
    await clock.advance(60_000)
    await Promise.all(candidates.map((each) => each.ended))
  })
  const join = (identity: string, locks: readonly LeaderLock[], windUpMs = 0): Candidate => {
    const candidate = contend(clock, identity, locks, windUpMs)
    candidates.push(candidate)
    return candidate
  }
  return { clock, server, network, join }
}

/** A lock whose requests go as `lost` says while `outage.now`. */
function lockWithOutage(server: LockServer, { clock }: { readonly clock: FakeClock }, lost: Journey) {
  const outage = { now: false }
  const journey = (): Journey => (outage.now ? lost : QUICK)
  return { lock: lockOver(server, { clock, journey }), outage }
}

test('the first candidate leads, the second waits, and takes over at once when the first gives back', async (t) => {
  const { clock, server, network, join } = world(t)
  const a = join('a', [lockOver(server, network)])
  await clock.advance(100)
  const b = join('b', [lockOver(server, network)])
  await clock.advance(60_000)
  assert.equal(a.election.leading(), true)
  assert.deepEqual(b.began, [])
  a.stop.abort(new Error('stop'))
  await clock.advance(100)
  assert.equal(server.record?.holder, '')
  await clock.advance(3_000)
  assert.equal(b.began.length, 1)
  assert.equal(server.record?.holder, 'b')
  assert.equal(server.record?.transitions, 1)
})

test('a stop gives the lock back only after the work has wound up, and renews it until then', async (t) => {
  const { clock, server, network, join } = world(t)
  const a = join('a', [lockOver(server, network)], 20_000)
  await clock.advance(100)
  a.stop.abort(new Error('stop'))
  await clock.advance(19_000)
  assert.equal(server.record?.holder, 'a')
  assert.ok(clock.now() - (server.record?.renewedAt ?? 0) < 3_000, 'renewed while winding up')
  await clock.advance(1_100)
  assert.equal(server.record?.holder, '')
  await a.ended
})

test('thirty seconds of a stalled server end the term before anybody may lead, and then it leads again', async (t) => {
  const { clock, server, network, join } = world(t)
  const { lock, outage } = lockWithOutage(server, network, STALLED)
  const a = join('a', [lock])
  await clock.advance(5_000)
  const lastRenewal = server.record?.renewedAt ?? 0
  outage.now = true
  const since = clock.now()
  await clock.advance(30_000)
  outage.now = false
  assert.equal(a.election.leading(), false)
  assert.equal(a.lost.length, 1)
  const lostAt = since + (a.lost[0] ?? 0) - 5_000
  assert.ok(lostAt < lastRenewal + TIMINGS.leaseDurationMs, 'lost before the lease was up for others')
  await clock.advance(15_000)
  assert.equal(a.began.length, 2)
  assert.equal(a.election.leading(), true)
  assert.equal(server.record?.transitions, 0)
})

test('seconds of a stalled server cost no lead: the renewal that got no answer is sent again at once', async (t) => {
  const { clock, server, network, join } = world(t)
  const { lock, outage } = lockWithOutage(server, network, STALLED)
  const a = join('a', [lock])
  await clock.advance(5_000)
  outage.now = true
  await clock.advance(6_000)
  outage.now = false
  await clock.advance(30_000)
  assert.deepEqual(a.lost, [])
  assert.equal(a.election.leading(), true)
})

test('a server that takes four seconds for each renewal costs no lead: the next one follows at once', async (t) => {
  const { clock, server, network, join } = world(t)
  const journey = (): Journey => ({ there: 2_000, back: 2_000 })
  const a = join('a', [lockOver(server, { ...network, journey })])
  await clock.advance(120_000)
  assert.deepEqual(a.lost, [])
  assert.equal(a.election.leading(), true)
})

test('a leader that is cut off loses its lead before the other takes over', async (t) => {
  const { clock, server, network, join } = world(t)
  const { lock, outage } = lockWithOutage(server, network, { there: 1, back: 1, lost: 'there' })
  const a = join('a', [lock])
  await clock.advance(100)
  const b = join('b', [lockOver(server, network)])
  await clock.advance(10_000)
  outage.now = true
  await clock.advance(30_000)
  assert.equal(b.began.length, 1)
  const [lostAt = Number.POSITIVE_INFINITY] = a.lost
  const [tookOver = 0] = b.began
  assert.ok(lostAt + 4_000 < tookOver, `lost at ${lostAt}, taken over at ${tookOver}`)
})

test('a lock whose record somebody overwrote is not contested', async (t) => {
  const { clock, server, network, join } = world(t)
  const a = join('a', [lockOver(server, network)])
  await clock.advance(5_000)
  const record = server.record
  assert.ok(record !== undefined)
  server.commit({ ...record, holder: 'intruder' }, record)
  await clock.advance(2_100)
  assert.equal(a.lost.length, 1)
  assert.equal(a.election.leading(), false)
})

test('with two locks nobody leads with one of them', async (t) => {
  const { clock, server, network, join } = world(t)
  const legacy = new LockServer()
  const oldMic = join('old-mic', [lockOver(legacy, network)])
  await clock.advance(100)
  const locks = [lockOver(server, network), lockOver(legacy, network, { longestTrustMs: 10_000 })]
  const podid = join('podid', locks)
  await clock.advance(120_000)
  assert.deepEqual(podid.began, [])
  assert.equal(oldMic.election.leading(), true)
  oldMic.stop.abort(new Error('helm upgrade'))
  await clock.advance(5_000)
  assert.equal(podid.began.length, 1)
  assert.equal(legacy.record?.holder, 'podid')
  assert.equal(server.record?.holder, 'podid')
})

test('a crashed old MIC is waited out for the time that its own record asks for', async (t) => {
  const { clock, server, network, join } = world(t)
  const legacy = new LockServer()
  const record = { holder: 'old-mic', acquiredAt: 0, renewedAt: 0, transitions: 3 }
  legacy.commit({ ...record, leaseDurationMs: 15_000 }, undefined)
  const podid = join('podid', [lockOver(server, network), lockOver(legacy, network)])
  await clock.advance(15_000)
  assert.deepEqual(podid.began, [])
  await clock.advance(3_000)
  assert.equal(podid.began.length, 1)
  assert.equal(legacy.record?.transitions, 4)
})

test('an error of the work ends the contest with that error, and the lock is given back', async () => {
  const clock = new FakeClock()
  const server = new LockServer()
  const locks = [lockOver(server, { clock, journey: () => QUICK })]
  const election = createLeaderElection({ ...TIMINGS, locks, identity: 'a', clock, log: silentLog })
  const ended = election.contend(() => Promise.reject(new Error('broken work')), new AbortController().signal)
  const failure = assert.rejects(ended, /broken work/)
  await clock.advance(1_000)
  await failure
  assert.equal(server.record?.holder, '')
  assert.equal(clock.timers, 0)
})
