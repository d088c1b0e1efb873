import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { seededClock } from './seeded-clock.ts'
import { readSeed } from './seeding.ts'
import { changeSettings, createSettings } from './settings.ts'

test('a change keeps the other settings; a wrong one changes nothing', () => {
  const settings = createSettings({ imdsLagMs: 5, clockSkewMs: { arm: 1 } })
  changeSettings(settings, { vmOperationMs: 7, clockSkewMs: { imds: 2 } })
  assert.equal(settings.imdsLagMs, 5)
  assert.equal(settings.vmOperationMs, 7)
  assert.deepEqual(settings.clockSkewMs, { entra: 0, imds: 2, arm: 1, vault: 0 })
  const before = JSON.stringify(settings)
  assert.throws(() => changeSettings(settings, { vmOperationMs: 8, imdsLagMs: -1 }))
  assert.throws(() => changeSettings(settings, { nonsense: 1 } as never))
  assert.equal(JSON.stringify(settings), before)
})

test('a seed document names its wrong field', () => {
  assert.throws(() => readSeed({ vms: [{ id: '' }] }), /the seed document is wrong: vms\.0\.id/)
  assert.throws(() => readSeed({ vaults: [{ name: 'no dots.here' }] }), /vaults\.0\.name/)
})

test('a seeded clock repeats its draws and keeps the time of its clock', async () => {
  const clock = new FakeClock()
  const draws = (seed: number) => {
    const seeded = seededClock(clock, seed)
    return Array.from({ length: 50 }, () => seeded.random())
  }
  assert.deepEqual(draws(3), draws(3))
  assert.notDeepEqual(draws(3), draws(4))
  assert.ok(draws(3).every((draw) => draw >= 0 && draw < 1))
  const seeded = seededClock(clock, 1)
  let fired = false
  seeded.after(5, () => {
    fired = true
  })
  await clock.advance(5)
  assert.equal(fired, true)
  assert.equal(seeded.now(), clock.now())
})
