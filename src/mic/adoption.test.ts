import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { makeMicWorld, vmssId, vmssNode } from '../../test/make/mic-world.ts'
import { identityId, makeAssigned, makeIdentity, makePod } from '../../test/make/objects.ts'
import { silentLog } from '../telemetry/log.ts'
import { adoptExisting } from './adoption.ts'
import { MIC_DEFAULTS } from './config.ts'
import { Ledger } from './ownership.ts'
import { World } from './world.ts'

const { signal } = new AbortController()

async function adopted(isOn: boolean, recorded: readonly string[] = []) {
  const cluster = new FakeCluster(new FakeClock())
  for (const n of [0, 1]) cluster.put('nodes', vmssNode('pool', n))
  cluster.put('nodes', vmssNode('other', 0))
  const put = (pod: string, nodeName: string, name: string): void =>
    cluster.put('assigned', makeAssigned({ pod, nodeName, identity: makeIdentity({ name }) }))
  put('one', 'pool-0', 'a')
  put('two', 'pool-1', 'a')
  put('three', 'other-0', 'b')
  put('lost', 'gone', 'c')
  cluster.put(
    'assigned',
    makeAssigned({ pod: 'sp', nodeName: 'pool-0', identity: makeIdentity({ name: 'p', type: 1 }) }),
  )
  const ledger = new Ledger(cluster.ownershipRecords())
  for (const name of recorded)
    await ledger.change(vmssId(name), { record: new Map([['/x', 'found']]) }, signal)
  const world = new World(cluster.watch().stores)
  await adoptExisting(
    { config: { ...MIC_DEFAULTS, adoptExisting: isOn }, world, ledger, log: silentLog },
    signal,
  )
  const groups = [...ledger.groups()].filter((group) => group.startsWith('/'))
  return Object.fromEntries(groups.map((group) => [group, ledger.of(group)]))
}

const id = (name: string): string => identityId(name).toLowerCase()

test('without the flag nothing of AAD Pod Identity is taken for podid’s own', async () => {
  assert.deepEqual(await adopted(false), {})
})

test('with the flag every managed identity of an object is, once for each scale set', async () => {
  assert.deepEqual(await adopted(true), {
    [vmssId('pool')]: [[id('a'), 'added']],
    [vmssId('other')]: [[id('b'), 'added']],
  })
})

test('a scale set that podid has a record of already is left as it is', async () => {
  assert.deepEqual((await adopted(true, ['pool']))[vmssId('pool')], [['/x', 'found']])
})

test('adoption happens once: objects that podid made for identities of others are never taken for its own', async () => {
  const world = makeMicWorld({ config: { adoptExisting: true } })
  world.arm.addIdentity(identityId('theirs'), 'theirs')
  world.arm.addGroup(vmssId('pool'), [identityId('theirs')])
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.addIdentity('theirs')
  for (let start = 0; start < 2; start += 1) {
    const mic = world.startMic()
    world.cluster.put('pods', makePod({ selector: 'theirs', nodeName: 'pool-0' }))
    await world.clock.advance(5 * 60_000)
    await mic.kill()
  }
  const mic = world.startMic()
  world.cluster.remove('pods', 'default/shop-0')
  await world.clock.advance(5 * 60_000)
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('theirs')])
  assert.deepEqual(world.cluster.all('assigned'), [])
  await mic.kill()
})
