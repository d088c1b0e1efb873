import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import {
  makeContext,
  ScriptedVault,
  secretOf,
  textOf,
  vaultFailure,
} from '../../../test/fakes/scripted-vault.ts'
import { VaultError } from '../../azure/vault-error.ts'
import type { VaultObject } from '../../azure/vault-objects.ts'
import { createVaultReader } from './shared-reads.ts'
import type { Read } from './vault-reader.ts'

const BOUNDS = {
  concurrent: 4,
  concurrentPerPod: 2,
  perSecond: 20,
  cacheBytes: 20_000,
  cacheEntries: 8,
  pollMaxAgeMs: 5_000,
  pinnedMaxAgeMs: 20_000,
  queueMs: 4_000,
  longestPauseMs: 3_000,
}

const READERS = ['a', 'a"', 'a","b'] as const

const question = fc.record({
  at: fc.integer({ min: 0, max: 8_000 }),
  reader: fc.constantFrom(...READERS),
  token: fc.constantFrom('1', '2', 'bad'),
  pod: fc.constantFrom('n/a', 'n/b', 'n/c'),
  name: fc.constantFrom('x', 'x', 'y'),
  version: fc.constantFrom('', '', 'v1'),
  freshness: fc.constantFrom('now', 'now', 'poll'),
  lastKnownGoodMs: fc.constantFrom(0, 0, 15_000),
  leavesAfter: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined }),
})

const behaviour = fc.record({
  ms: fc.integer({ min: 0, max: 2_000 }),
  ends: fc.constantFrom(
    'answer',
    'answer',
    'answer',
    'answer',
    'unavailable',
    'throttled',
    'forbidden',
    'never',
  ),
})

/**
 * The value of an object is the time at which the vault read it, in the worst case the moment at which the request
 * arrived, and the reader whose token it was.
 */
test('whatever happens: nothing older than allowed, nothing of another reader, no bound broken, nothing left', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(question, { maxLength: 60, size: 'max' }),
      fc.array(behaviour, { minLength: 1, maxLength: 20, size: 'max' }),
      async (questions, behaviours) => {
        const clock = new FakeClock()
        const vault = new ScriptedVault()
        const reader = createVaultReader(BOUNDS, {
          clock,
          client: vault,
          observe: { request: () => {}, read: () => {} },
        })
        vault.auto = ({ target, version, answer, fail, signal }) => {
          assert.ok(vault.open <= BOUNDS.concurrent)
          const [owner, token] = JSON.parse(target.token.reveal()) as [string, string]
          const text = JSON.stringify([owner, clock.monotonic()])
          const { ms, ends } = behaviours[vault.requests.length % behaviours.length] ?? {
            ms: 0,
            ends: 'answer',
          }
          // A hanging exchange is ended by the client's deadline.
          clock.after(ends === 'never' ? 10_000 : ms, () => {
            if (signal.aborted) return
            if (token === 'bad') fail(vaultFailure('unauthorized', 401))
            else if (ends === 'answer') answer(secretOf(text, version === '' ? 'v9' : version))
            else if (ends === 'forbidden') fail(vaultFailure('forbidden', 403))
            else if (ends === 'throttled') fail(vaultFailure('throttled', 429))
            else fail(vaultFailure('unavailable'))
          })
        }
        let ended = 0
        for (const asked of questions) {
          clock.after(asked.at, () => {
            const { name, version, token, leavesAfter, at: _, ...rest } = asked
            const askedAt = clock.monotonic()
            const controller = new AbortController()
            if (leavesAfter !== undefined) clock.after(leavesAfter, () => controller.abort(new Error('left')))
            const context = makeContext({ ...rest, token: JSON.stringify([asked.reader, token]) })
            const read = reader.object(context, { shelf: 'secrets', name, version }, controller.signal)
            judge(read, asked, askedAt)
              .finally(() => {
                ended += 1
              })
              .catch((thrown: unknown) => failures.push(thrown))
            assert.ok(reader.bytes <= BOUNDS.cacheBytes && reader.entries <= BOUNDS.cacheEntries)
          })
        }
        const failures: unknown[] = []
        await clock.advance(150_000)
        assert.deepEqual(failures, [])
        assert.equal(ended, questions.length)
        assert.equal(vault.open, 0)
        assert.equal(reader.queued, 0)
        assert.equal(reader.entries, 0)
        reader.stop()
        assert.equal(clock.timers, 0)
      },
    ),
    { numRuns: 60 },
  )
})

type Asked = typeof question extends fc.Arbitrary<infer T> ? T : never

async function judge(read: Promise<Read<VaultObject>>, asked: Asked, askedAt: number): Promise<void> {
  try {
    const { value, staleSince } = await read
    const [owner, readAt] = JSON.parse(textOf(value)) as [string, number]
    assert.equal(owner, asked.reader)
    assert.ok(readAt >= askedAt - oldest(asked, staleSince), `${readAt} ${askedAt}`)
  } catch (thrown) {
    if (thrown instanceof VaultError) {
      if (thrown.kind === 'unauthorized') assert.equal(asked.token, 'bad')
      return
    }
    if (thrown instanceof Error && thrown.message === 'left') return
    throw thrown
  }
}

/** How much older than the question an answer may be, milliseconds. */
function oldest(asked: Asked, staleSince: number | undefined): number {
  if (staleSince !== undefined) return asked.lastKnownGoodMs
  if (asked.freshness === 'now') return 0
  return asked.version === '' ? BOUNDS.pollMaxAgeMs : BOUNDS.pinnedMaxAgeMs
}
