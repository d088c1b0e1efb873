import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { CountingMetrics, makeRequest, makeToken } from '../../test/fakes/token-sources.ts'
import { createCache } from './cache.ts'
import { createSingleFlight } from './single-flight.ts'
import { requestKey } from './token-key.ts'
import { type AccessToken, TokenError, type TokenRequest, type TokenSource } from './token-source.ts'

/** What one pod does at one moment that the scheduler chooses. */
const ACTION = fc.record({
  pod: fc.constantFrom('pod-a', 'pod-b', 'pod-c'),
  identity: fc.constantFrom('one', 'two'),
  resource: fc.constantFrom('r', 'R'),
  leaves: fc.boolean(),
  ends: fc.boolean(),
  minutes: fc.integer({ min: 0, max: 40 }),
})

/** A source whose answers arrive when the scheduler says so, some as failures. */
class ScheduledSource implements TokenSource {
  readonly #schedule: fc.Scheduler
  readonly #clock: FakeClock
  readonly #fails: (call: number) => boolean
  /** Which key each token was issued for. */
  readonly keyOf = new Map<string, string>()
  readonly open = new Map<string, number>()
  calls = 0

  constructor(schedule: fc.Scheduler, clock: FakeClock, fails: (call: number) => boolean) {
    this.#schedule = schedule
    this.#clock = clock
    this.#fails = fails
  }

  async token(request: TokenRequest, signal: AbortSignal): Promise<AccessToken> {
    this.calls += 1
    const call = this.calls
    const key = requestKey(request)
    const open = (this.open.get(key) ?? 0) + 1
    assert.ok(open <= 1, 'two requests for one token at the same time')
    this.open.set(key, open)
    const left = Promise.withResolvers<never>()
    const close = (): void => void this.open.set(key, 0)
    signal.addEventListener(
      'abort',
      () => {
        close()
        left.reject(signal.reason as Error)
      },
      { once: true },
    )
    await Promise.race([this.#schedule.schedule(Promise.resolve(), `answer ${call}`), left.promise])
    close()
    if (this.#fails(call)) throw new TokenError('upstream-unavailable', 'failed')
    const token = makeToken(this.#clock, { seconds: 3_600, text: `token-of-call-${call}` })
    this.keyOf.set(token.value.reveal(), key)
    return token
  }
}

test('in any order of answers, departures and ends of pods: one request a token, and nobody gets another one’s', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(ACTION, { minLength: 1, maxLength: 14 }),
      fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
      async (schedule, actions, failing) => {
        const clock = new FakeClock()
        const source = new ScheduledSource(schedule, clock, (call) => failing[call % 3] ?? false)
        const flights = createSingleFlight(source, { clock, flightMs: 45_000 })
        const cache = createCache(flights, {
          clock,
          marginMs: 310_000,
          maxAgeMs: Number.POSITIVE_INFINITY,
          maxEntries: 3,
          maxEntriesPerPrincipal: 2,
          refusalMs: 60_000,
          metrics: new CountingMetrics(),
          renewalFailed: () => {},
        })
        const ended = new Set<string>()

        async function act({ pod, identity, resource, leaves, ends, minutes }: (typeof actions)[number]) {
          const request = makeRequest({ identity, resource, caller: pod })
          const controller = new AbortController()
          const asked = Promise.allSettled([cache.token(request, controller.signal)])
          if (leaves) controller.abort(new Error('left'))
          if (ends) {
            ended.add(pod)
            cache.podGone(pod)
          }
          if (minutes > 30) await clock.advance(minutes * 60_000)
          const [outcome] = await asked
          if (outcome.status === 'fulfilled')
            assert.equal(source.keyOf.get(outcome.value.value.reveal()), requestKey(request))
          else assert.match(String(outcome.reason), /left|failed|longer than/)
        }

        const acts = actions.map((action, n) =>
          schedule.schedule(Promise.resolve(), `act ${n}`).then(() => act(action)),
        )
        await schedule.waitFor(Promise.all(acts))
        assert.ok(cache.size <= 3)
        for (const pod of ['pod-a', 'pod-b', 'pod-c']) cache.podGone(pod)
        assert.equal(cache.size, 0)
        assert.equal(cache.pods, 0)
        cache.stop()
        flights.stop()
        await schedule.waitIdle()
        assert.equal(clock.timers, 0)
      },
    ),
    { numRuns: 150 },
  )
})
