import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { FakeEbtables } from '../../../test/fakes/fake-ebtables.ts'
import { type Log, silentLog } from '../../telemetry/log.ts'
import { createBridgeGuard } from './bridge-guard.ts'
import { type GuardedPlace, isGuardable, readGuards, restoreGuard } from './bridge-rules.ts'

const A: GuardedPlace = { device: 'veth1', address: '10.244.0.10', mac: '0a:58:0a:f4:00:0a' }
const B: GuardedPlace = { device: 'veth2', address: '10.244.0.11', mac: '0a:58:0a:f4:00:0b' }

const RULES_OF_A = [
  '-i ! veth1 -s 0a:58:0a:f4:00:0a -j DROP',
  '-p 0x0800 -i ! veth1 --ip-src 10.244.0.10 --ip-dst 169.254.169.254 -j DROP',
  '-p 0x0806 -i ! veth1 --arp-ip-src 10.244.0.10 -j DROP',
]

function setting(places: readonly GuardedPlace[] = []) {
  const clock = new FakeClock()
  const tables = new FakeEbtables()
  const warnings: string[] = []
  const log: Log = { ...silentLog, warn: (_fields, message) => void warnings.push(message) }
  const told: string[] = []
  const world = { clock, tables, warnings, told, places }
  const guard = createBridgeGuard({
    places: () => world.places,
    run: tables.run,
    clock,
    log,
    metadataIp: '169.254.169.254',
  })
  guard.subscribe((address) => told.push(address))
  return Object.assign(world, { guard })
}

/** Rules of each chain of podid that PREROUTING jumps to. */
function standing({ chains }: FakeEbtables): string[][] {
  const jumps = (chains.get('PREROUTING') ?? []).map((rule) => rule.replace('-j ', ''))
  assert.deepEqual(jumps.toSorted(), [...chains.keys()].filter((each) => each !== 'PREROUTING').toSorted())
  return jumps.map((chain) => chains.get(chain) ?? [])
}

test('a pod on a bridge gets no answer before its rules stand, and its waiting requests are told when they do', async () => {
  const { guard, clock, tables, told } = setting([A])
  guard.start()
  assert.equal(guard.awaits(A), true)
  await clock.advance(1)
  assert.deepEqual(standing(tables), [RULES_OF_A])
  assert.equal(guard.awaits(A), false)
  assert.deepEqual(told, [A.address])
  await guard.stop()
})

test('a later pod is written at once when somebody asks for it, and the earlier one is not told again', async () => {
  const world = setting([A])
  const { guard, clock, tables, told } = world
  guard.start()
  await clock.advance(1)
  world.places = [A, B]
  assert.equal(guard.awaits(B), true)
  await clock.advance(0)
  assert.equal(guard.awaits(B), false)
  assert.equal(standing(tables)[0]?.length, 6)
  assert.deepEqual(told, [A.address, B.address])
  await guard.stop()
})

test('a port that is gone has no rules a moment later, so that the next pod of the address is not cut off', async () => {
  const world = setting([A])
  const { guard, clock, tables } = world
  guard.start()
  await clock.advance(1)
  world.places = []
  await clock.advance(250)
  assert.deepEqual(standing(tables), [[]])
  await guard.stop()
})

test('a node without pods on a bridge never has ebtables changed, and is asked once for what killed agents left', async () => {
  const { guard, clock, tables } = setting()
  guard.start()
  await clock.advance(59_000)
  assert.equal(tables.runs, 0)
  await clock.advance(600_000)
  assert.equal(tables.runs, 1)
  await guard.stop()
  assert.equal(tables.runs, 1)
})

test('rules of a killed agent go after a minute, those of one that hands over stay until then', async () => {
  const { guard, clock, tables } = setting([A])
  await restoreGuard(tables.run, 'dead', '-s 02:00:00:00:00:99 -i ! vethold -j DROP\n')
  guard.start()
  await clock.advance(50_000)
  assert.equal(standing(tables).length, 2)
  await clock.advance(11_000)
  assert.deepEqual(standing(tables), [RULES_OF_A])
  await guard.stop()
})

test('what somebody else flushed is back in seconds, and a stopped agent leaves nothing of its own', async () => {
  const { guard, clock, tables } = setting([A])
  await restoreGuard(tables.run, 'other', '')
  guard.start()
  await clock.advance(1)
  tables.chains = new Map([
    ['PREROUTING', ['-j podid-guard-other']],
    ['podid-guard-other', []],
  ])
  await clock.advance(5_500)
  assert.deepEqual(standing(tables), [RULES_OF_A, []])
  await guard.stop()
  assert.deepEqual(await readGuards(tables.run), ['other'])
})

test('where ebtables does not work, it is said once and pods get their tokens', async () => {
  const { guard, clock, tables, warnings, told } = setting([A])
  tables.broken = 'table nat is incompatible'
  guard.start()
  await clock.advance(10_000)
  assert.equal(guard.awaits(A), false)
  assert.equal(guard.awaits(B), false)
  assert.equal(warnings.length, 1)
  assert.deepEqual(told, [A.address])
  tables.broken = undefined
  await clock.advance(1_000)
  assert.deepEqual(standing(tables), [RULES_OF_A])
  await guard.stop()
})

test('where it worked before, a new pod is answered only when its rules stand', async () => {
  const world = setting([A])
  const { guard, clock, tables } = world
  guard.start()
  await clock.advance(1)
  tables.broken = 'too many files are open'
  world.places = [A, B]
  await clock.advance(3_000)
  assert.equal(guard.awaits(A), false)
  assert.equal(guard.awaits(B), true)
  tables.broken = undefined
  await clock.advance(2_000)
  assert.equal(guard.awaits(B), false)
  await guard.stop()
})

test('nothing but plain names and addresses gets into a rule', () => {
  assert.equal(isGuardable(A), true)
  for (const wrong of [{ device: 'veth+' }, { device: 'a b' }, { address: 'fd00::a' }, { mac: '0a:58\n' }])
    assert.equal(isGuardable({ ...A, ...wrong }), false)
})
