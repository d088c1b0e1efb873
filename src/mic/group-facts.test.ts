import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import type { GroupIdentities } from '../azure/arm.ts'
import { refuse } from '../model/refusal.ts'
import { GroupFacts } from './group-facts.ts'

const waits = refuse('assignment-failed', 'another operation is running')
const limited = refuse('assignment-failed', 'Azure limits the rate')
const forbidden = refuse('assignment-failed', 'no role')

function looked(identities: Readonly<Record<string, string>>): GroupIdentities {
  const present = Object.entries(identities).map(
    ([id, clientId]) => [id, { clientId, principalId: '' }] as const,
  )
  return { systemAssigned: false, provisioningState: 'Succeeded', identities: new Map(present) }
}

test('a look that is older than an own change is put right for a minute and believed afterwards', async () => {
  const clock = new FakeClock()
  const facts = new GroupFacts(clock)
  facts.changed({ add: ['new'], remove: ['old'] })
  assert.deepEqual([...facts.corrected(looked({ old: 'o' })).identities.keys()], ['new'])
  assert.equal(facts.knowsBetterMs(), 60_000)
  await clock.advance(60_000)
  assert.equal(facts.knowsBetterMs(), undefined)
  assert.deepEqual([...facts.corrected(looked({ old: 'o' })).identities.keys()], ['old'])
})

test('a look that shows what was added keeps the client id that ARM gives for it', () => {
  const facts = new GroupFacts(new FakeClock())
  facts.changed({ add: ['new'], remove: [] })
  const { identities } = facts.corrected(looked({ new: 'client' }))
  assert.equal(identities.get('new')?.clientId, 'client')
})

test('of reasons that pass by themselves the first stays, and one that somebody must mend replaces it', () => {
  const facts = new GroupFacts(new FakeClock())
  facts.pause(waits, true, undefined)
  facts.pause(limited, true, undefined)
  assert.equal(facts.refusalFor('a'), waits)
  facts.pause(forbidden, false, undefined)
  assert.equal(facts.refusalFor('a'), forbidden)
  facts.pause(limited, true, undefined)
  assert.equal(facts.refusalFor('a'), forbidden)
  facts.resume()
  assert.equal(facts.refusalFor('a'), undefined)
})

test('a pause lasts at least as long as ARM asks for', () => {
  const facts = new GroupFacts(new FakeClock())
  facts.pause(limited, true, 90_000)
  assert.equal(
    facts.nextDueMs(0, () => false),
    90_000,
  )
})

test('a pod is told when what it saw is no longer so, once, and not before', () => {
  const facts = new GroupFacts(new FakeClock())
  facts.wait('a', 'ns/one', 'absent')
  facts.wait('a', 'ns/two', 'absent')
  assert.deepEqual([...facts.takeSettled(() => 'absent')], [])
  assert.deepEqual([...facts.takeSettled(() => 'present')], ['ns/one', 'ns/two'])
  assert.deepEqual([...facts.takeSettled(() => 'gone')], [])
})

test('pods that saw different things of one identity are all told', () => {
  const facts = new GroupFacts(new FakeClock())
  facts.wait('a', 'ns/one', 'absent')
  facts.wait('a', 'ns/two', 'leaving')
  assert.deepEqual([...facts.takeSettled(() => 'leaving')], ['ns/one', 'ns/two'])
})

test('pods that went away wait for nothing', () => {
  const facts = new GroupFacts(new FakeClock())
  for (let run = 0; run < 100; run += 1) facts.wait('bad', `ns/job-${run}`, 'absent')
  facts.keepWaiters((_, podKey) => podKey === 'ns/job-99')
  assert.deepEqual([...facts.takeSettled(() => 'present')], ['ns/job-99'])
  facts.wait('bad', 'ns/job-100', 'absent')
  facts.keepWaiters(() => false)
  assert.equal(facts.hasWaiters, false)
})

test('a rejected identity is apart for a growing time that its mending ends', async () => {
  const clock = new FakeClock()
  const facts = new GroupFacts(clock)
  const pauses: number[] = []
  for (let round = 0; round < 8; round += 1) {
    facts.setApart('bad', forbidden)
    assert.ok(facts.isApart('bad'))
    const ms = facts.nextDueMs(clock.monotonic(), () => true) ?? 0
    pauses.push(ms)
    await clock.advance(ms)
    assert.equal(facts.isApart('bad'), false)
    assert.equal(facts.hasTrouble('bad'), true)
  }
  assert.ok((pauses[0] ?? 0) >= 7_500)
  assert.ok((pauses.at(-1) ?? 0) >= 300_000 && (pauses.at(-1) ?? 0) <= 600_000)
  facts.clearTrouble('bad')
  assert.equal(facts.refusalFor('bad'), undefined)
})

test('what was due when the work began is not due again until it is set apart anew', async () => {
  const clock = new FakeClock()
  const facts = new GroupFacts(clock)
  facts.setApart('bad', forbidden)
  await clock.advance(20_000)
  const began = clock.monotonic()
  assert.equal(
    facts.nextDueMs(began, () => true),
    undefined,
  )
  facts.pause(limited, true, 90_000)
  assert.equal(
    facts.nextDueMs(began, () => true),
    90_000,
  )
})

test('what became due while the work went on is due at once', async () => {
  const clock = new FakeClock()
  const facts = new GroupFacts(clock)
  facts.setApart('bad', forbidden)
  const began = clock.monotonic()
  await clock.advance(20_000)
  assert.equal(
    facts.nextDueMs(began, () => true),
    1,
  )
})
