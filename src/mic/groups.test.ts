import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeArm } from '../../test/fakes/fake-arm.ts'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { makeNode, vmId, vmssId, vmssNode } from '../../test/make/mic-world.ts'
import {
  clientIdOf,
  identityId,
  makeAssigned,
  makeBinding,
  makeIdentity,
  makePod,
} from '../../test/make/objects.ts'
import { silentLog } from '../telemetry/log.ts'
import { createMicMetrics } from '../telemetry/mic-metrics.ts'
import { createRegistry } from '../telemetry/registry.ts'
import { desiredAssignments } from './desired.ts'
import { Groups } from './groups.ts'
import { Ledger } from './ownership.ts'
import { createProtection } from './protection.ts'
import { Wanted } from './wanted.ts'
import { groupFromId, World } from './world.ts'

const GROUP = vmssId('pool')
const SHOP = identityId('shop').toLowerCase()

function setUp() {
  const clock = new FakeClock()
  const arm = new FakeArm(clock)
  arm.addGroup(GROUP)
  arm.addIdentity(SHOP, clientIdOf('shop'))
  const cluster = new FakeCluster(clock)
  cluster.put('nodes', vmssNode('pool', 0))
  const world = new World(cluster.watch().stores)
  const wanted = new Wanted()
  const ledger = new Ledger(cluster.ownershipRecords())
  const { signal } = new AbortController()
  const settled: string[] = []
  const groups = new Groups({
    tools: { arm, clock, log: silentLog, signal, maxRetries: 2, retryIntervalMs: 1_000 },
    wanted,
    ledger,
    protection: createProtection({
      immutable: [],
      clusterIdentity: () => '',
      login: () => arm.login(),
    }),
    log: silentLog,
    clock,
    world,
    metrics: createMicMetrics(createRegistry()),
    concurrency: 4,
    mostLooks: 2,
    gatherMs: 25,
    signal,
    settled: (podKey) => settled.push(podKey),
  })
  const group = groupFromId(GROUP)
  assert.ok(group !== undefined)
  const want = (name: string): void => {
    const pod = makePod({ name, nodeName: 'pool-0' })
    const match = { identity: makeIdentity(), binding: makeBinding() }
    const desired = desiredAssignments(pod, [match], world.placement('pool-0'), { forceNamespaced: false })
    for (const id of wanted.set(`default/${name}`, desired)) groups.touch(id)
    groups.await(group, SHOP, `default/${name}`)
  }
  /** A node that is a VM of its own, with a pod that wants the identity. */
  const addVm = (name: string): string => {
    const id = vmId(name)
    arm.addGroup(id)
    cluster.put('nodes', makeNode(name, `azure://${id}`))
    const match = { identity: makeIdentity(), binding: makeBinding() }
    const pod = makePod({ name, nodeName: name })
    const desired = desiredAssignments(pod, [match], world.placement(name), { forceNamespaced: false })
    for (const groupId of wanted.set(`default/${name}`, desired)) groups.touch(groupId)
    return id
  }
  const unwant = (name: string): void => {
    for (const id of wanted.set(`default/${name}`, [])) groups.touch(id)
  }
  return { addVm, arm, clock, groups, ledger, settled, unwant, want }
}

test('a pod that waits is told when its identity has come', async () => {
  const { arm, clock, groups, settled, want } = setUp()
  want('shop-0')
  await clock.advance(5_000)
  assert.deepEqual(arm.identitiesOf(GROUP), [SHOP])
  assert.deepEqual(settled, ['default/shop-0'])
  assert.equal(groups.facts(GROUP).presence(SHOP), 'present')
})

test('nothing is remembered of a scale set whose pods came and went while it could not be changed', async () => {
  const { arm, clock, groups, unwant, want } = setUp()
  arm.permit(SHOP, false)
  for (let job = 0; job < 5; job += 1) {
    want(`job-${job}`)
    await clock.advance(5_000)
    unwant(`job-${job}`)
    await clock.advance(5_000)
  }
  assert.deepEqual(arm.identitiesOf(GROUP), [])
  await clock.advance(10 * 60_000)
  assert.deepEqual([groups.remembered, groups.pending], [0, 0])
})

test('what was just taken off is remembered for a minute, so that a late look does not make a new pod Assigned', async () => {
  const { arm, clock, groups, ledger, unwant, want } = setUp()
  arm.readLagMs = 20_000
  want('shop-0')
  await clock.advance(5_000)
  unwant('shop-0')
  await clock.advance(5_000)
  assert.deepEqual(arm.identitiesOf(GROUP), [])
  want('shop-1')
  await clock.advance(5_000)
  assert.deepEqual(arm.identitiesOf(GROUP), [SHOP])
  assert.equal(ledger.origin(GROUP, SHOP), 'added')
  unwant('shop-1')
  await clock.advance(2 * 60_000)
  assert.deepEqual(arm.identitiesOf(GROUP), [])
  assert.deepEqual([groups.remembered, groups.pending], [0, 0])
})

test('an Assigned object is believed until Azure was looked at, but not one that is on its way out', () => {
  const { groups } = setUp()
  groups.trust(makeAssigned({ nodeName: 'pool-0', deleting: true }))
  groups.trust(makeAssigned({ nodeName: 'pool-0', state: 'Created' }))
  groups.trust(makeAssigned({ nodeName: 'pool-0', state: 'Unassigned' }))
  assert.equal(groups.facts(GROUP).presence(SHOP), 'unknown')
  groups.trust(makeAssigned({ nodeName: 'pool-0', state: '' }))
  assert.equal(groups.facts(GROUP).presence(SHOP), 'present')
  groups.trust(makeAssigned({ nodeName: 'gone' }))
  assert.equal(groups.facts(vmId('gone')).presence(SHOP), 'unknown')
})

test('routine looks go first to the VMs that were not looked at for longest, no more than the budget allows', async () => {
  const { addVm, arm, clock, groups } = setUp()
  const vms = ['a', 'b', 'c', 'd'].map(addVm)
  await clock.advance(5_000)
  const looked = new Map(vms.map((id) => [id, 0]))
  for (let round = 0; round < 6; round += 1) {
    const before = arm.calls.length
    groups.reconcile()
    await clock.advance(5_000)
    const looks = arm.calls.slice(before)
    assert.equal(looks.length, 2)
    for (const { target } of looks) looked.set(target, (looked.get(target) ?? 0) + 1)
  }
  assert.deepEqual([...looked.values()], [3, 3, 3, 3])
})
