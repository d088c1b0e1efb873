import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { type Journey, LockServer, lockOver } from '../../test/fakes/memory-lock.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { silentLog } from '../telemetry/log.ts'
import { createLeaderElection } from './lease.ts'

const TIMINGS = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 }
/** What a leader needs at most to stop its work after its signal aborted. */
const WIND_UP_MS = 2_000
const LENGTH_MS = 180_000
/** How often the observer looks. */
const STEP_MS = 500

interface Trouble {
  /** Chance of a lost request or answer, and of a slow one. */
  readonly loss: number
  readonly slow: number
  /** Times at which the whole server stalls, and when a candidate's process stands still (a busy loop). */
  readonly serverStalls: readonly (readonly [at: number, ms: number])[]
  readonly busy: readonly (readonly [candidate: number, at: number, ms: number])[]
  /** When a candidate alone is cut off: what it asks gets lost, on the way there or on the way back. */
  readonly cuts: readonly (readonly [candidate: number, at: number, ms: number, lost: 'there' | 'back'])[]
  /** When candidates are stopped in good order. */
  readonly stops: readonly (readonly [candidate: number, at: number])[]
}

const moment = fc.nat(LENGTH_MS)
const trouble: fc.Arbitrary<Trouble> = fc.record({
  loss: fc.double({ min: 0, max: 0.4, noNaN: true }),
  slow: fc.double({ min: 0, max: 0.4, noNaN: true }),
  serverStalls: fc.array(fc.tuple(moment, fc.nat(40_000)), { maxLength: 2 }),
  busy: fc.array(fc.tuple(fc.nat(3), moment, fc.nat(40_000)), { maxLength: 3 }),
  cuts: fc.array(fc.tuple(fc.nat(3), moment, fc.nat(40_000), fc.constantFrom('there', 'back')), {
    maxLength: 5,
  }),
  stops: fc.array(fc.tuple(fc.nat(3), moment), { maxLength: 2 }),
})

/** A candidate's own clock: while its process is busy no timer fires, and then all that are due do. */
function stallingClock(base: FakeClock, isBusyUntil: () => number): Clock {
  const later = (fire: () => void): Timer => {
    const until = isBusyUntil()
    if (until <= base.monotonic()) {
      fire()
      return { cancel: () => {} }
    }
    return base.after(until - base.monotonic(), fire)
  }
  return {
    now: () => base.now(),
    monotonic: () => base.monotonic(),
    random: () => base.random(),
    after(ms, fire) {
      let second: Timer | undefined
      const first = base.after(ms, () => {
        second = later(fire)
      })
      return {
        cancel: () => {
          first.cancel()
          second?.cancel()
        },
      }
    },
  }
}

function journeys(clock: FakeClock, id: number, trouble: Trouble): () => Journey {
  const { loss, slow, serverStalls, cuts } = trouble
  const leg = (): number => (clock.random() < slow ? clock.random() * 12_000 : clock.random() * 50)
  return () => {
    const now = clock.monotonic()
    const stall = serverStalls.find(([at, ms]) => at <= now && now < at + ms)
    const held = stall === undefined ? 0 : stall[0] + stall[1] - now
    const chance = clock.random()
    const journey = { there: held + leg(), back: leg() }
    const cut = cuts.find(([who, at, ms]) => who === id && at <= now && now < at + ms)
    if (cut !== undefined) return { ...journey, lost: cut[3] }
    if (chance < loss / 2) return { ...journey, lost: 'there' }
    return chance < loss ? { ...journey, lost: 'back' } : journey
  }
}

/** One candidate as the observer sees it. */
interface Seen {
  leading: boolean
  readonly isBusy: () => boolean
  /** Its work has not returned yet. */
  working: boolean
  /** When it was last seen to lead. */
  ledAt: number
}

/**
 * Who may have a write on its way now: whose work has not returned, who is not standing still, and who
 * led just now or a moment ago (what it sent then may still arrive).
 */
function acting(candidates: readonly Seen[], now: number): number {
  let count = 0
  for (const each of candidates) {
    if (!each.working || each.isBusy()) continue
    if (each.leading) each.ledAt = now
    if (now - each.ledAt <= WIND_UP_MS) count += 1
  }
  return count
}

/** Candidate 0 is an old MIC, which knows only the old lock; the others take both. */
async function simulate(seed: number, plan: Trouble) {
  const clock = new FakeClock({ seed })
  const lease = new LockServer()
  const legacy = new LockServer()
  const candidates: Seen[] = []
  const ends: AbortController[] = []
  const contests: Promise<void>[] = []
  const most = { acting: 0, terms: 0 }
  const observe = (): void => {
    most.acting = Math.max(most.acting, acting(candidates, clock.monotonic()))
  }
  const join = (id: number): void => {
    const busyUntil = (): number => {
      const now = clock.monotonic()
      const span = plan.busy.find(([who, at, ms]) => who === id && at <= now && now < at + ms)
      return span === undefined ? 0 : span[1] + span[2]
    }
    const own = stallingClock(clock, busyUntil)
    const journey = journeys(clock, id, plan)
    const over = (server: LockServer) => lockOver(server, { clock: own, journey }, { longestTrustMs: 10_000 })
    const election = createLeaderElection({
      ...TIMINGS,
      locks: id === 0 ? [over(legacy)] : [over(lease), over(legacy)],
      identity: `candidate-${id}`,
      clock: own,
      log: silentLog,
    })
    const seen: Seen = {
      leading: false,
      // At the very end of the span its timers are about to fire.
      isBusy: () => busyUntil() > clock.monotonic() - 1,
      working: false,
      ledAt: Number.NEGATIVE_INFINITY,
    }
    candidates.push(seen)
    const lead = async (signal: AbortSignal): Promise<void> => {
      most.terms += 1
      seen.working = true
      seen.leading = true
      observe()
      const { promise, resolve } = Promise.withResolvers<undefined>()
      signal.addEventListener('abort', () => {
        seen.leading = false
        own.after(WIND_UP_MS, () => resolve(undefined))
      })
      await promise
      observe()
      seen.working = false
    }
    const end = new AbortController()
    ends.push(end)
    contests.push(election.contend(lead, end.signal))
  }
  for (const id of [0, 1, 2, 3]) join(id)
  for (const [who, at] of plan.stops) clock.after(at, () => ends[who]?.abort(new Error('stopped')))
  for (let now = 0; now < LENGTH_MS; now += STEP_MS) {
    await clock.advance(STEP_MS)
    observe()
  }
  for (const end of ends) end.abort(new Error('the simulation ends'))
  await clock.advance(120_000)
  await Promise.all(contests)
  return { ...most, timers: clock.timers }
}

test('never do two candidates act at once, whatever is lost, slow, stalled, busy or stopped', async () => {
  let terms = 0
  await fc.assert(
    fc.asyncProperty(fc.nat(2 ** 31 - 1), trouble, async (seed, plan) => {
      const seen = await simulate(seed, plan)
      terms += seen.terms
      assert.ok(seen.acting <= 1, `${seen.acting} acted at once`)
    }),
    { numRuns: 100 },
  )
  assert.ok(terms > 100, 'there were leaders at all')
})

test('without trouble one candidate leads to the end and no timer is left behind', async () => {
  const seen = await simulate(7, { loss: 0, slow: 0, serverStalls: [], busy: [], cuts: [], stops: [] })
  assert.equal(seen.acting, 1)
  assert.equal(seen.terms, 1)
  assert.equal(seen.timers, 0)
})
