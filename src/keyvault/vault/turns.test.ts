import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { makeContext, ScriptedVault, secretOf, vaultFailure } from '../../../test/fakes/scripted-vault.ts'
import { never } from '../../../test/fakes/token-sources.ts'
import { measured } from './measured.ts'
import type { Question } from './question.ts'
import { TurnedAway } from './turned-away.ts'
import { createTurns, type TurnOptions } from './turns.ts'

function build(options: Partial<TurnOptions> = {}) {
  const clock = new FakeClock()
  const vault = new ScriptedVault()
  const turns = createTurns(
    measured(vault, clock, () => {}),
    {
      concurrent: 32,
      concurrentPerPod: 10,
      perSecond: 200,
      queued: 4_096,
      queuedPerPod: 1_024,
      queueMs: 20_000,
      longestPauseMs: 60_000,
      maxVaults: 256,
      ...options,
    },
    clock,
  )
  let serial = 0
  const ask = (fields: { pod?: string; vault?: string } = {}, signal = never) => {
    const { pod = 'shop/a', vault: name = 'shop' } = fields
    serial += 1
    const context = makeContext({ pod, origin: `https://${name}.vault.azure.net` })
    const question: Question = { context, shelf: 'secrets', name: `s-${serial}`, version: '' }
    return turns.ask(question, signal)
  }
  return { clock, vault, turns, ask }
}

test('a vault is asked by so many at once, a pod by fewer, and one vault does not wait for another', async () => {
  const { clock, vault, turns, ask } = build({ concurrent: 4, concurrentPerPod: 2 })
  const all = [
    ...Array.from({ length: 5 }, () => ask({ pod: 'shop/greedy' })),
    ...Array.from({ length: 5 }, (_, n) => ask({ pod: `shop/${n}` })),
  ]
  await clock.advance(0)
  assert.equal(vault.open, 4)
  assert.equal(turns.queued, 6)
  const other = ask({ vault: 'other' })
  await clock.advance(0)
  assert.equal(vault.open, 5)
  vault.auto = ({ answer }) => answer(secretOf('x'))
  for (const { answer } of vault.requests) answer(secretOf('x'))
  await clock.advance(1_000)
  await Promise.all([...all, other])
  assert.equal(turns.queued, 0)
})

test('in no second leave more than the rate', async () => {
  const { clock, vault, ask } = build({ perSecond: 10, concurrent: 100, concurrentPerPod: 100 })
  const sent: number[] = []
  vault.auto = ({ answer }) => {
    sent.push(clock.monotonic())
    answer(secretOf('x'))
  }
  const all = Array.from({ length: 35 }, () => ask())
  await clock.advance(5_000)
  await Promise.all(all)
  for (const [index, at] of sent.entries()) {
    const later = sent[index + 10]
    if (later !== undefined) assert.ok(later - at >= 1_000)
  }
})

test('a 429 holds all pods back for its Retry-After, and only at that vault', async () => {
  const { clock, vault, ask } = build()
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429, 10))
  await assert.rejects(ask(), /throttled for a test/)
  vault.auto = ({ answer }) => answer(secretOf('x'))
  let served = -1
  const waiting = ask({ pod: 'shop/b' }).finally(() => {
    served = clock.monotonic()
  })
  await ask({ vault: 'other' })
  await clock.advance(15_000)
  await waiting
  assert.equal(served, 10_000)
})

test('pauses without Retry-After grow, once for all that were under way, and end with a success', async () => {
  const { clock, vault, ask } = build()
  const startOf = async (): Promise<number> => {
    const before = clock.monotonic()
    const sent = vault.requests.length
    const asked = ask()
    asked.catch(() => {})
    while (vault.requests.length === sent) await clock.advance(100)
    await asked.catch(() => {})
    return clock.monotonic() - before
  }
  const burst = Array.from({ length: 8 }, () => assert.rejects(ask()))
  await clock.advance(10)
  for (const { fail } of vault.requests) fail(vaultFailure('throttled', 429))
  await Promise.all(burst)
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429))
  const pauses = [await startOf(), await startOf(), await startOf()]
  assert.ok((pauses[0] ?? 0) >= 900 && (pauses[0] ?? 0) <= 2_100, pauses.join(' '))
  assert.ok((pauses[2] ?? 0) >= 4_000 && (pauses[2] ?? 0) <= 8_100, pauses.join(' '))
  vault.auto = ({ answer }) => answer(secretOf('x'))
  await startOf()
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429))
  await startOf()
  assert.ok((await startOf()) <= 2_100)
})

test('who cannot have a turn in time hears it at once, with the vault and how long', async () => {
  const { vault, ask } = build({ queueMs: 5_000 })
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429, 3_600))
  await assert.rejects(ask())
  await assert.rejects(ask(), (thrown) => {
    assert.ok(thrown instanceof TurnedAway)
    assert.equal(thrown.kind, 'throttled')
    assert.equal(thrown.message, 'shop.vault.azure.net asked this node to wait')
    assert.equal(thrown.retryAfterSeconds, 60)
    assert.equal(thrown.byVault, true)
    return true
  })
  assert.equal(vault.requests.length, 1)
})

test('queues are bounded by pod, by vault and by time, and each says so', async () => {
  const { clock, vault, ask } = build({
    concurrent: 1,
    concurrentPerPod: 1,
    queued: 3,
    queuedPerPod: 2,
    queueMs: 1_000,
  })
  const first = ask()
  const texts: string[] = []
  const note = (thrown: unknown): void => {
    assert.ok(thrown instanceof TurnedAway)
    texts.push(`${thrown.message} ${thrown.ownShare}`)
    assert.equal(thrown.byVault, false)
  }
  const others = ['a', 'a', 'a', 'b', 'c'].map((pod) =>
    ask({ pod: `shop/${pod}` }).then(() => texts.push('served'), note),
  )
  await clock.advance(1_000)
  await Promise.all(others)
  assert.deepEqual(texts, [
    'this pod has too many reads of shop.vault.azure.net waiting true',
    'too many reads of shop.vault.azure.net are waiting on this node false',
    'no turn to read shop.vault.azure.net came in time false',
    'no turn to read shop.vault.azure.net came in time false',
    'no turn to read shop.vault.azure.net came in time false',
  ])
  vault.request(0).answer(secretOf('x'))
  await first
})

test('a line that stood still because the vault asked to wait is the vault’s doing', async () => {
  const { clock, vault, ask } = build({ queued: 1, queueMs: 5_000 })
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429, 3))
  await assert.rejects(ask())
  const waiting = assert.rejects(ask())
  await assert.rejects(ask(), (thrown) => thrown instanceof TurnedAway && thrown.byVault)
  await clock.advance(5_000)
  await waiting
})

test('vaults that nobody asks are forgotten, those in use and those that pause never', async () => {
  const { clock, vault, turns, ask } = build({ maxVaults: 3 })
  vault.auto = ({ answer }) => answer(secretOf('x'))
  for (let n = 0; n < 10; n += 1) await ask({ vault: `v-${n}` })
  assert.equal(turns.vaults, 3)
  vault.auto = undefined
  const held = ['one', 'two', 'three'].map((name) => ask({ vault: name }))
  await clock.advance(0)
  await assert.rejects(
    ask({ vault: 'four' }),
    /as many vaults as it can, four\.vault\.azure\.net has to wait/,
  )
  vault.auto = ({ answer }) => answer(secretOf('x'))
  for (const { answer } of vault.requests) answer(secretOf('x'))
  await Promise.all(held)
  await clock.advance(120_000)
  await ask({ vault: 'four' })
  assert.equal(turns.vaults, 1)
})

test('a request that is aborted while it waits leaves no trace', async () => {
  const { clock, vault, turns, ask } = build({ concurrent: 1, concurrentPerPod: 1 })
  const first = ask()
  const controller = new AbortController()
  const second = assert.rejects(ask({}, controller.signal), /left/)
  controller.abort(new Error('left'))
  await second
  assert.equal(turns.queued, 0)
  await clock.advance(0)
  vault.request(0).answer(secretOf('x'))
  await first
  turns.stop()
  assert.equal(clock.timers, 0)
})
