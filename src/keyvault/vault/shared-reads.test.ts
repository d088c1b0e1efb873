import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import {
  makeContext,
  ScriptedVault,
  secretOf,
  textOf,
  vaultFailure,
} from '../../../test/fakes/scripted-vault.ts'
import { never } from '../../../test/fakes/token-sources.ts'
import { VaultError } from '../../azure/vault-error.ts'
import { createVaultReader, type VaultReaderOptions } from './shared-reads.ts'
import type { ReadContext, Wanted } from './vault-reader.ts'

const PRICE: Wanted = { shelf: 'secrets', name: 'price', version: '' }
const PINNED: Wanted = { ...PRICE, version: 'v1' }

function build(options: VaultReaderOptions = {}) {
  const clock = new FakeClock()
  const vault = new ScriptedVault()
  const reads: string[] = []
  const outcomes: string[] = []
  const observe = {
    request: ({ outcome }: { outcome: string }) => void outcomes.push(outcome),
    read: ({ source }: { source: string }) => void reads.push(source),
  }
  const reader = createVaultReader(options, { clock, client: vault, observe })
  const object = (context: Partial<Omit<ReadContext, 'token'>> & { token?: string } = {}, wanted = PRICE) =>
    reader.object(makeContext(context), wanted, never)
  return { clock, vault, reader, reads, outcomes, object }
}

/** Answers with a text of the test's choice. */
function answering(vault: ScriptedVault, text: () => string): void {
  vault.auto = (request) => request.answer(secretOf(text(), request.version || 'v1'))
}

/** Every try ends as the client gives up when nobody answers: no connection within 5 s. */
function unreachable(vault: ScriptedVault, clock: FakeClock): void {
  vault.auto = ({ fail }) => void clock.after(5_000, () => fail(vaultFailure('unavailable')))
}

const kindOf = (thrown: unknown) => (thrown instanceof VaultError ? thrown.kind : undefined)

test('a hundred pods that start at once cost one request, and two when it has left already', async () => {
  const { clock, vault, object, reads } = build()
  const first = object({ pod: 'shop/first' })
  await clock.advance(0)
  assert.equal(vault.requests.length, 1)
  const others = Array.from({ length: 100 }, (_, n) => object({ pod: `shop/pod-${n}` }))
  await clock.advance(0)
  assert.equal(vault.requests.length, 1)
  vault.request(0).answer(secretOf('old'))
  assert.equal(textOf((await first).value), 'old')
  await clock.advance(0)
  assert.equal(vault.requests.length, 2)
  vault.request(1).answer(secretOf('new'))
  for (const { value } of await Promise.all(others)) assert.equal(textOf(value), 'new')
  assert.equal(vault.requests.length, 2)
  assert.equal(reads.filter((source) => source === 'shared').length, 99)
})

test('a poll rides a request that is under way, a mount does not', async () => {
  const { clock, vault, object } = build()
  const first = object()
  await clock.advance(1_000)
  const poll = object({ freshness: 'poll' })
  const mount = object()
  vault.request(0).answer(secretOf('old'))
  assert.equal(textOf((await first).value), 'old')
  assert.equal(textOf((await poll).value), 'old')
  await clock.advance(0)
  vault.request(1).answer(secretOf('new'))
  assert.equal(textOf((await mount).value), 'new')
})

test('a repeat within the age of a poll asks nothing; a mount always asks and refreshes it', async () => {
  const { clock, vault, object, reads } = build()
  let text = 'one'
  answering(vault, () => text)
  await object()
  text = 'two'
  await clock.advance(25_000)
  assert.equal(textOf((await object({ freshness: 'poll' })).value), 'one')
  assert.equal(textOf((await object()).value), 'two')
  text = 'three'
  assert.equal(textOf((await object({ freshness: 'poll' })).value), 'two')
  await clock.advance(25_001)
  assert.equal(textOf((await object({ freshness: 'poll' })).value), 'three')
  assert.equal(vault.requests.length, 3)
  assert.deepEqual(reads, ['vault', 'cache', 'vault', 'cache', 'vault'])
})

test('a pinned version is not asked for again by polls for an hour', async () => {
  const { clock, vault, object } = build()
  answering(vault, () => 'one')
  await object({}, PINNED)
  await clock.advance(3_599_000)
  await object({ freshness: 'poll' }, PINNED)
  assert.equal(vault.requests.length, 1)
  await object({}, PINNED)
  assert.equal(vault.requests.length, 2)
  await clock.advance(3_600_001)
  await object({ freshness: 'poll' }, PINNED)
  assert.equal(vault.requests.length, 3)
})

test('names and versions have no case, readers, vaults and shelves do', async () => {
  const { vault, object } = build()
  answering(vault, () => 'x')
  await object()
  await object({ freshness: 'poll' }, { ...PRICE, name: 'PRICE' })
  assert.equal(vault.requests.length, 1)
  await object({ freshness: 'poll', reader: 'READER-A' })
  await object({ freshness: 'poll', origin: 'https://shop2.vault.azure.net' })
  assert.equal(vault.requests.length, 3)
})

test('what one reader has read is never given to another, however their keys look', async () => {
  const { clock, vault, object } = build()
  const [origin, other] = ['https://a.vault.azure.net', 'https://b.vault.azure.net']
  const readers = [
    'r',
    'r"',
    'r","https://a.vault.azure.net',
    '["r"]',
    'r,',
    'r\\',
    'r\\"',
    '',
    'R',
    ' r',
    'r\u0000',
  ]
  vault.auto = ({ target, answer }) => answer(secretOf(target.token.reveal()))
  for (const freshness of ['now', 'poll'] as const) {
    const all = readers.flatMap((reader) =>
      [origin, other].map(async (from) => {
        const token = `${reader}|${from}`
        const { value } = await object({ reader, token, origin: from, freshness, lastKnownGoodMs: 60_000 })
        assert.equal(textOf(value), token)
      }),
    )
    await clock.advance(0)
    await Promise.all(all)
  }
  assert.equal(vault.requests.length, readers.length * 2)
  vault.auto = ({ fail }) => fail(vaultFailure('unavailable', 200))
  await assert.rejects(object({ reader: 'nobody', origin, freshness: 'poll', lastKnownGoodMs: 60_000 }))
  const known = await object({ reader: 'r"', token: 'x', origin, lastKnownGoodMs: 60_000 })
  assert.equal(textOf(known.value), `r"|${origin}`)
})

test('a flight of one reader is not joined by another', async () => {
  const { clock, vault, object } = build()
  const one = object({ reader: 'one', token: 'same-start-1' })
  const two = object({ reader: 'two', token: 'same-start-2' })
  await clock.advance(0)
  assert.equal(vault.requests.length, 2)
  vault.request(0).answer(secretOf('for one'))
  vault.request(1).fail(vaultFailure('forbidden', 403))
  assert.equal(textOf((await one).value), 'for one')
  await assert.rejects(two, (thrown) => kindOf(thrown) === 'forbidden')
})

test('nobody fails for the token of another pod; those with the same token do', async () => {
  const { clock, vault, object } = build()
  const refused = object({ token: 'old', pod: 'shop/a' })
  const alike = object({ token: 'old', pod: 'shop/b' })
  const others = [object({ token: 'new', pod: 'shop/c' }), object({ token: 'newer', pod: 'shop/d' })]
  vault.auto = ({ target, answer, fail }) =>
    target.token.reveal() === 'old' ? fail(vaultFailure('unauthorized', 401)) : answer(secretOf('good'))
  const rejected = [refused, alike].map((each) =>
    assert.rejects(each, (thrown) => kindOf(thrown) === 'unauthorized'),
  )
  await clock.advance(0)
  await Promise.all(rejected)
  for (const { value } of await Promise.all(others)) assert.equal(textOf(value), 'good')
  assert.deepEqual(
    vault.requests.map(({ target }) => target.token.reveal()),
    ['old', 'new', 'newer'],
  )
})

test('a passenger leaves by his own signal, and the request ends with the last one', async () => {
  const { clock, vault, reader } = build()
  const [one, two] = [new AbortController(), new AbortController()]
  const first = reader.object(makeContext(), PRICE, one.signal)
  const second = reader.object(makeContext({ pod: 'shop/b' }), PRICE, two.signal)
  const gone = [first, second].map((each) => assert.rejects(each, /left/))
  await clock.advance(0)
  one.abort(new Error('left'))
  await clock.advance(0)
  assert.equal(vault.request(0).signal.aborted, false)
  two.abort(new Error('left'))
  await Promise.all(gone)
  assert.equal(vault.request(0).signal.aborted, true)
  answering(vault, () => 'new')
  const third = reader.object(makeContext(), PRICE, never)
  await clock.advance(0)
  assert.equal(textOf((await third).value), 'new')
})

test('those who wait for the next flight may all leave before it takes off', async () => {
  const { clock, vault, reader } = build()
  const first = reader.object(makeContext(), PRICE, never)
  await clock.advance(0)
  const controller = new AbortController()
  const late = assert.rejects(reader.object(makeContext(), PRICE, controller.signal), /left/)
  controller.abort(new Error('left'))
  await late
  vault.request(0).answer(secretOf('x'))
  await first
  await clock.advance(0)
  assert.equal(vault.requests.length, 1)
})

test('faults are tried again twice with pauses, refusals and throttling are not', async () => {
  const counts: [Parameters<typeof vaultFailure>, number][] = [
    [['unavailable', 0], 3],
    [['unavailable', 408], 3],
    [['unavailable', 503], 3],
    [['unavailable', 503, 4], 3],
    [['unavailable', 503, 30], 1],
    [['unavailable', 200], 1],
    [['forbidden', 403], 1],
    [['throttled', 429, 1], 1],
    [['refused', 400], 1],
  ]
  for (const [failure, expected] of counts) {
    const { clock, vault, object } = build()
    vault.auto = ({ fail }) => fail(vaultFailure(...failure))
    const rejected = assert.rejects(object(), (thrown) => kindOf(thrown) === failure[0])
    await clock.advance(30_000)
    await rejected
    assert.equal(vault.requests.length, expected, failure.join(' '))
  }
})

test('a fault that passes is not seen', async () => {
  const { clock, vault, object, outcomes } = build()
  vault.auto = ({ answer, fail }) =>
    vault.requests.length < 3 ? fail(vaultFailure('unavailable', 503)) : answer(secretOf('at last'))
  const read = object()
  await clock.advance(10_000)
  assert.equal(textOf((await read).value), 'at last')
  assert.deepEqual(outcomes, ['unavailable', 'unavailable', 'ok'])
})

test('a refusal removes what it contradicts, so that no poll is served from it', async () => {
  for (const kind of ['forbidden', 'not-found', 'disabled'] as const) {
    const { vault, object, reader } = build()
    answering(vault, () => 'x')
    await object()
    await object({}, PINNED)
    await object({ reader: 'other' })
    assert.equal(reader.entries, 3)
    vault.auto = ({ fail }) => fail(vaultFailure(kind, 403))
    await assert.rejects(object({ lastKnownGoodMs: 60_000 }), (thrown) => kindOf(thrown) === kind)
    await assert.rejects(object({ freshness: 'poll' }))
    await assert.rejects(object({ freshness: 'poll' }, PINNED))
    assert.equal(textOf((await object({ freshness: 'poll', reader: 'other' })).value), 'x')
  }
})

test('an answer that was sent before a refusal is not remembered after it', async () => {
  const { clock, vault, object, reader } = build()
  const pinned = object({}, PINNED)
  await clock.advance(10)
  const newest = assert.rejects(object())
  await clock.advance(0)
  vault.request(1).fail(vaultFailure('forbidden', 403))
  await newest
  vault.request(0).answer(secretOf('x'))
  await pinned
  assert.equal(reader.entries, 0)
})

test('while the vault is down the last known good is served to who wants it, with its age', async () => {
  const { clock, vault, object, reads } = build()
  answering(vault, () => 'known')
  const readAt = clock.now()
  await object({ lastKnownGoodMs: 3_600_000 })
  await clock.advance(1_800_000)
  vault.auto = ({ fail }) => fail(vaultFailure('unavailable', 503))
  const wanted = object({ lastKnownGoodMs: 3_600_000 })
  const strict = assert.rejects(object({ lastKnownGoodMs: 0 }))
  const impatient = assert.rejects(object({ lastKnownGoodMs: 60_000 }))
  await clock.advance(60_000)
  const { value, staleSince } = await wanted
  assert.equal(textOf(value), 'known')
  assert.equal(staleSince, readAt)
  await Promise.all([strict, impatient])
  assert.equal(reads.at(-1), 'last_known_good')
  vault.auto = ({ fail }) => fail(vaultFailure('throttled', 429, 1))
  const throttled = object({ freshness: 'poll', lastKnownGoodMs: 3_600_000 })
  await clock.advance(60_000)
  assert.equal((await throttled).staleSince, readAt)
  await clock.advance(1_800_000)
  const old = assert.rejects(object({ lastKnownGoodMs: 3_600_000 }))
  await clock.advance(60_000)
  await old
})

test('a vault that does not answer at all costs who has a known value one wait, not one for each object', async () => {
  const { clock, vault, object, reads } = build()
  const names = Array.from({ length: 30 }, (_, n) => ({ ...PRICE, name: `object-${n}` }))
  answering(vault, () => 'known')
  const kept = { lastKnownGoodMs: 3_600_000 }
  for (const wanted of names) await object(kept, wanted)
  await clock.advance(60_000)
  unreachable(vault, clock)
  const asked = vault.requests.length
  const strict = assert.rejects(object({}, { ...PRICE, name: 'never-read' }))
  const mount = names.map((wanted) => object(kept, wanted))
  await clock.advance(5_000)
  for (const { value, staleSince } of await Promise.all(mount)) {
    assert.equal(textOf(value), 'known')
    assert.notEqual(staleSince, undefined)
  }
  // The next mount does not wait at all, and asks nothing.
  const sent = vault.requests.length
  assert.ok(sent - asked <= 11, `${sent - asked} requests`)
  for (const wanted of names) assert.equal(textOf((await object(kept, wanted)).value), 'known')
  assert.equal(vault.requests.length, sent)
  assert.equal(reads.at(-1), 'last_known_good')
  await clock.advance(30_000)
  await strict
})

test('a vault that was down is asked again after half a minute, and at once when it has answered anybody', async () => {
  const { clock, vault, object } = build()
  const kept = { lastKnownGoodMs: 3_600_000 }
  let text = 'known'
  answering(vault, () => text)
  await object(kept)
  const healthy = vault.auto
  const goDown = async () => {
    unreachable(vault, clock)
    const read = object(kept)
    await clock.advance(5_000)
    assert.notEqual((await read).staleSince, undefined)
    vault.auto = healthy
  }
  await goDown()
  text = 'second'
  await clock.advance(29_000)
  assert.equal(textOf((await object(kept)).value), 'known')
  await clock.advance(2_000)
  assert.equal(textOf((await object(kept)).value), 'second')
  await goDown()
  text = 'third'
  assert.equal(textOf((await object(kept)).value), 'second')
  vault.auto = ({ fail }) => fail(vaultFailure('not-found', 404))
  await assert.rejects(object({}, { ...PRICE, name: 'absent' }))
  vault.auto = healthy
  assert.equal(textOf((await object(kept)).value), 'third')
})

test('tries that fail while others are answered are no outage, nor is a short one', async () => {
  const { clock, vault, object } = build()
  const kept = { lastKnownGoodMs: 3_600_000 }
  const poisoned = { ...PRICE, name: 'poisoned' }
  vault.auto = ({ name, answer, fail }) =>
    name === 'poisoned'
      ? void clock.after(3_000, () => fail(vaultFailure('unavailable', 500)))
      : answer(secretOf('fresh'))
  await object(kept)
  const failing = assert.rejects(object({}, poisoned))
  for (let second = 0; second < 20; second += 1) {
    await clock.advance(1_000)
    assert.equal((await object(kept)).staleSince, undefined)
  }
  await failing
  // Three tries of one read within four seconds, while the other one waits for its answer.
  vault.auto = ({ name, fail }) => {
    if (name === 'poisoned') fail(vaultFailure('unavailable', 503))
  }
  const slow = object(kept)
  const short = assert.rejects(object({}, poisoned))
  await clock.advance(3_500)
  await short
  const waiting = vault.requests.filter(({ name }) => name === 'price').at(-1)
  assert.equal(waiting?.signal.aborted, false)
  waiting?.answer(secretOf('at last'))
  assert.equal(textOf((await slow).value), 'at last')
})

test('a refusal is never answered with a known value, not while the vault is down for others either', async () => {
  const { clock, vault, object } = build()
  const kept = { lastKnownGoodMs: 3_600_000 }
  answering(vault, () => 'known')
  await object(kept)
  vault.auto = undefined
  const read = assert.rejects(object(kept), (thrown) => kindOf(thrown) === 'forbidden')
  await clock.advance(100)
  vault.requests.at(-1)?.fail(vaultFailure('forbidden', 403))
  await read
  vault.auto = ({ fail }) => fail(vaultFailure('unavailable', 503))
  const gone = assert.rejects(object(kept), (thrown) => kindOf(thrown) === 'unavailable')
  await clock.advance(30_000)
  await gone
})

test('a node that has too much to read is no vault that is down', async () => {
  const { clock, vault, object } = build({ concurrent: 1, concurrentPerPod: 1, queueMs: 1_000 })
  answering(vault, () => 'known')
  await object({ lastKnownGoodMs: 3_600_000 })
  vault.auto = undefined
  const held = object({}, { ...PRICE, name: 'slow' })
  const waiting = assert.rejects(object({ lastKnownGoodMs: 3_600_000 }), /no turn to read/)
  await clock.advance(1_000)
  await waiting
  vault.requests.at(-1)?.answer(secretOf('x'))
  await held
})

test('a value that nobody may be served is gone from memory', async () => {
  const { clock, vault, object, reader } = build()
  answering(vault, () => 'x')
  await object()
  await object({ lastKnownGoodMs: 600_000 }, { ...PRICE, name: 'kept' })
  assert.equal(reader.entries, 2)
  await clock.advance(60_000)
  assert.equal(reader.entries, 1)
  await clock.advance(600_000)
  assert.equal(reader.entries, 0)
  assert.equal(reader.bytes, 0)
  assert.equal(clock.timers, 0)
})

test('lists of versions are shared and kept like the newest version', async () => {
  const { clock, vault, reader } = build()
  const list = [{ version: 'v1', enabled: true, created: 1 }]
  vault.auto = ({ answer }) => answer(list)
  const of = { shelf: 'secrets', name: 'price' } as const
  assert.deepEqual((await reader.versions(makeContext(), of, never)).value, list)
  await reader.versions(makeContext({ freshness: 'poll' }), of, never)
  assert.equal(vault.requests.length, 1)
  await clock.advance(25_001)
  await reader.versions(makeContext({ freshness: 'poll' }), of, never)
  assert.equal(vault.requests.length, 2)
  vault.auto = ({ answer }) => answer(secretOf('x'))
  await reader.object(makeContext(), PRICE, never)
  vault.auto = ({ fail }) => fail(vaultFailure('forbidden', 403))
  await assert.rejects(reader.versions(makeContext(), of, never))
  assert.equal(reader.entries, 1)
})

test('memory stays within its bounds over ten thousand objects, and one that is too large is not kept', async () => {
  const { vault, reader, object } = build({ cacheBytes: 200_000, cacheEntries: 100, perSecond: 1_000_000 })
  answering(vault, () => 'x'.repeat(1_000))
  for (let n = 0; n < 10_000; n += 1) {
    await reader.object(makeContext({ lastKnownGoodMs: 86_400_000 }), { ...PRICE, name: `s-${n}` }, never)
    assert.ok(reader.bytes <= 200_000 && reader.entries <= 100)
  }
  assert.ok(reader.entries > 50)
  assert.equal(reader.vaults, 1)
  answering(vault, () => 'x'.repeat(200_000))
  await object()
  assert.ok(reader.bytes <= 200_000)
})

test('stop ends requests and timers and forgets all', async () => {
  const { clock, vault, object, reader } = build()
  answering(vault, () => 'x')
  await object()
  vault.auto = undefined
  const open = assert.rejects(object(), /stops/)
  await clock.advance(0)
  const waiting = assert.rejects(object(), /stops/)
  await clock.advance(0)
  reader.stop()
  await Promise.all([open, waiting])
  assert.equal(reader.entries, 0)
  assert.equal(clock.timers, 0)
  assert.equal(vault.open, 0)
})
