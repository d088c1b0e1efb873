import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ArmError } from '../../src/azure/arm.ts'
import { ASSIGNED_IDENTITY_FINALIZER } from '../../src/model/names.ts'
import { armError } from '../fakes/fake-arm.ts'
import { type MicWorld, makeMicWorld, makeNode, vmId, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const MINUTE = 60_000
const POOL = vmssId('pool')
const id = (name: string): string => identityId(name).toLowerCase()
const pod = (name: string, selector = name, nodeName = 'pool-0') => makePod({ name, selector, nodeName })

function poolWorld(names: readonly string[], options: Parameters<typeof makeMicWorld>[0] = {}): MicWorld {
  const world = makeMicWorld(options)
  world.arm.addGroup(POOL)
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.cluster.put('nodes', vmssNode('pool', 1))
  for (const name of names) world.addIdentity(name)
  return world
}

/** A record that an earlier MIC left. */
async function leaveRecord(world: MicWorld, identities: Readonly<Record<string, 'added' | 'found'>>) {
  const { signal } = new AbortController()
  await world.cluster.ownershipRecords().save({ groupId: POOL, identities, version: '' }, signal)
}

test('an identity that an operation of a dead MIC brings after its pod has gone is taken off again', async () => {
  for (const [state, arrivesMs] of [
    ['Updating', 2 * MINUTE],
    ['Succeeded', 30_000],
  ] as const) {
    const world = poolWorld(['shop'])
    await leaveRecord(world, { [id('shop')]: 'added' })
    const group = world.arm.groups.get(POOL)
    assert.ok(group !== undefined)
    group.provisioningState = state
    const mic = world.startMic()
    await world.clock.advance(arrivesMs)
    assert.ok(world.cluster.ownership.has(POOL), `forgotten while it is ${state}`)
    group.identities.set(id('shop'), { clientId: clientIdOf('shop'), principalId: '' })
    group.provisioningState = 'Succeeded'
    await world.clock.advance(10 * MINUTE)
    assert.deepEqual(world.arm.identitiesOf(POOL), [])
    assert.equal(world.cluster.ownership.size, 0)
    await mic.kill()
  }
})

test('an identity of somebody else that a dead MIC took off to renew it is put back, though no pod wants it', async () => {
  const world = poolWorld(['theirs'])
  await leaveRecord(world, { [id('theirs')]: 'found' })
  const mic = world.startMic()
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(world.arm.identitiesOf(POOL), [id('theirs')])
  assert.equal(world.arm.count('patch'), 1)
  assert.equal(world.cluster.ownership.size, 0)
  await mic.kill()
})

test('what was preempted and then refused may have come all the same: it is not forgotten', async () => {
  const world = poolWorld(['shop'])
  const faults = [
    new ArmError('conflict', 'a newer one won', { code: 'OperationPreempted' }),
    armError('throttled', 429, 'OperationNotAllowed', 'too many'),
  ]
  world.arm.beforeCall = (call) => {
    const fault = call.kind === 'patch' ? faults.shift() : undefined
    if (fault !== undefined) throw fault
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(1_200)
  assert.equal(faults.length, 0)
  assert.deepEqual(world.cluster.ownership.get(POOL)?.identities, { [id('shop')]: 'added' })
  world.arm.groups.get(POOL)?.identities.set(id('shop'), { clientId: clientIdOf('shop'), principalId: '' })
  await world.clock.advance(MINUTE)
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(10 * MINUTE)
  assert.deepEqual(world.arm.identitiesOf(POOL), [])
  await mic.kill()
})

test('a subscription that ARM does not know takes nothing from pods and forgets nothing', async () => {
  const world = poolWorld(['shop'])
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(5_000)
  const owned = world.cluster.ownership.get(POOL)?.identities
  world.arm.beforeCall = () => {
    throw new ArmError('invalid', 'The subscription could not be found.', {
      code: 'SubscriptionNotFound',
      status: 404,
    })
  }
  await world.clock.advance(10 * MINUTE)
  assert.equal(world.cluster.assigned('shop-default-shop')?.state, 'Assigned')
  assert.deepEqual(world.cluster.ownership.get(POOL)?.identities, owned)
  await mic.kill()
})

test('an identity leaves within a minute of its coming though podid may not read identities', async () => {
  const world = poolWorld(['shop', 'other'])
  world.arm.loginAs = { ...world.arm.loginAs, clientId: clientIdOf('mic') }
  world.arm.mayReadIdentities = false
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  world.cluster.put('pods', pod('other'))
  await world.clock.advance(5_000)
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(10_000)
  assert.deepEqual(world.arm.identitiesOf(POOL), [id('other')])
  await mic.kill()
})

test('a failure that somebody must mend is told though calls were throttled before', async () => {
  const world = poolWorld(['shop'])
  let calls = 0
  world.arm.beforeCall = () => {
    calls += 1
    throw calls === 1
      ? armError('throttled', 429, 'OperationNotAllowed', 'too many')
      : armError('denied', 403, 'AuthorizationFailed', 'no role')
  }
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(MINUTE)
  assert.match(world.cluster.assigned('shop-default-shop')?.message ?? '', /Virtual Machine Contributor/)
  await mic.kill()
})

test('intervals of zero mean never, and do not keep MIC busy', async () => {
  const world = poolWorld(['shop'], { config: { reconcileMs: 0, resyncMs: 0 } })
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(60 * MINUTE)
  assert.equal(world.arm.count('get'), 1)
  await mic.kill()
})

test('pods that move between two nodes of a scale set while a PATCH runs keep its identity on it', async () => {
  const world = poolWorld(['shop', 'other'])
  world.arm.patchMs = 30_000
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(35_000)
  world.cluster.put('pods', pod('other'))
  await world.clock.advance(5_000)
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(1_000)
  world.cluster.put('pods', pod('shop', 'shop', 'pool-1'))
  await world.clock.advance(5 * MINUTE)
  const object = world.cluster.assigned('shop-default-shop')
  assert.deepEqual([object?.state, object?.nodeName], ['Assigned', 'pool-1'])
  assert.deepEqual(world.arm.identitiesOf(POOL), [id('other'), id('shop')])
  for (const patch of world.arm.patches()) assert.deepEqual(patch.remove, [])
  await mic.kill()
})

test('one resource id in two AzureIdentity objects is on the node until the last of their pods is gone', async () => {
  const world = poolWorld(['shop'])
  world.cluster.put('identities', makeIdentity({ name: 'twin', resourceId: identityId('SHOP') }))
  world.cluster.put('bindings', makeBinding({ name: 'twin-b', azureIdentity: 'twin', selector: 'twin' }))
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  world.cluster.put('pods', pod('twin'))
  await world.clock.advance(5_000)
  assert.equal(world.arm.count('patch'), 1)
  world.cluster.remove('identities', 'default/twin')
  await world.clock.advance(MINUTE)
  assert.equal(world.cluster.assigned('twin-default-twin'), undefined)
  assert.deepEqual(world.arm.identitiesOf(POOL), [id('shop')])
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(MINUTE)
  assert.deepEqual(world.arm.identitiesOf(POOL), [])
  await mic.kill()
})

test('a deleted AzureIdentity ends an assignment that is still being made, and leaves nothing on the node', async () => {
  const world = poolWorld(['shop'])
  world.arm.patchMs = 40_000
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop'))
  await world.clock.advance(10_000)
  assert.equal(world.cluster.assigned('shop-default-shop')?.state, 'Created')
  world.cluster.remove('identities', 'default/shop')
  await world.clock.advance(3 * MINUTE)
  assert.deepEqual(world.cluster.all('assigned'), [])
  assert.deepEqual(world.arm.identitiesOf(POOL), [])
  assert.equal(world.cluster.ownership.size, 0)
  await mic.kill()
})

test('objects of an old MIC without finalizer or status are kept while they are right, and end with their pod', async () => {
  const world = poolWorld(['shop'])
  world.arm.addGroup(POOL, [identityId('shop')])
  world.cluster.put('pods', pod('shop'))
  world.cluster.put(
    'assigned',
    makeAssigned({
      pod: 'shop',
      nodeName: 'pool-0',
      state: '',
      binding: makeBinding({ name: 'shop-binding' }),
    }),
  )
  const mic = world.startMic()
  await world.clock.advance(5 * MINUTE)
  assert.deepEqual(world.cluster.writes, [])
  world.cluster.remove('pods', 'default/shop')
  await world.clock.advance(MINUTE)
  assert.deepEqual(world.cluster.all('assigned'), [])
  assert.deepEqual(world.arm.identitiesOf(POOL), [id('shop')])
  await mic.kill()
})

test('an instance of a flexible scale set is a VM of its own, whatever its node is called', async () => {
  const world = makeMicWorld()
  world.arm.addGroup(vmId('flex_4711'))
  world.cluster.put('nodes', makeNode('aks-flex-000001', `azure://${vmId('FLEX_4711')}`))
  world.addIdentity('shop')
  const mic = world.startMic()
  world.cluster.put('pods', pod('shop', 'shop', 'aks-flex-000001'))
  await world.clock.advance(5_000)
  assert.deepEqual(world.arm.identitiesOf(vmId('flex_4711')), [id('shop')])
  assert.equal(world.cluster.assigned('shop-default-shop')?.state, 'Assigned')
  await mic.kill()
})

test('very long names give an object whose name the API server takes, and it ends as any other', async () => {
  const world = poolWorld([])
  const long = 'x'.repeat(200)
  world.arm.addIdentity(identityId('shop'), clientIdOf('shop'))
  world.cluster.put('identities', makeIdentity({ name: long, resourceId: identityId('shop') }))
  world.cluster.put('bindings', makeBinding({ azureIdentity: long, selector: 'shop' }))
  const mic = world.startMic()
  world.cluster.put('pods', pod(long, 'shop'))
  await world.clock.advance(5_000)
  const [object] = world.cluster.all('assigned')
  assert.ok((object?.name.length ?? 999) <= 253)
  assert.deepEqual([object?.state, object?.finalizers], ['Assigned', [ASSIGNED_IDENTITY_FINALIZER]])
  world.cluster.remove('pods', `default/${long}`)
  await world.clock.advance(MINUTE)
  assert.deepEqual(world.cluster.all('assigned'), [])
  await mic.kill()
})
