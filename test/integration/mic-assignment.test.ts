import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ASSIGNED_IDENTITY_FINALIZER, objectKey } from '../../src/model/names.ts'
import { type MicWorld, makeMicWorld, makeNode, vmId, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

const MINUTE = 60_000
const id = (name: string): string => identityId(name).toLowerCase()

/** A scale set `pool` with two nodes, and the identity `shop`. */
function shopWorld(options: Parameters<typeof makeMicWorld>[0] = {}): MicWorld {
  const world = makeMicWorld(options)
  world.arm.addGroup(vmssId('pool'))
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.cluster.put('nodes', vmssNode('pool', 1))
  world.addIdentity('shop')
  return world
}

const pod = (name: string, selector = 'shop', nodeName = 'pool-0') => makePod({ name, selector, nodeName })

test('a pod, its binding and its identity become an object, one GET, one PATCH and Assigned', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('shop-0'))
  await clock.advance(60)
  const created = cluster.assigned('shop-0-default-shop')
  assert.equal(created?.state, 'Created')
  assert.deepEqual(created?.finalizers, [ASSIGNED_IDENTITY_FINALIZER])
  assert.equal(created?.nodeName, 'pool-0')
  await clock.advance(2_000)
  assert.equal(cluster.assigned('shop-0-default-shop')?.state, 'Assigned')
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('shop')])
  assert.deepEqual([arm.count('get'), arm.count('patch')], [1, 1])
  assert.deepEqual(
    cluster.events.map((event) => `${event.target}: ${event.reason}`),
    ['AzureIdentityBinding default/shop-binding: binding applied', 'Pod default/shop-0: IdentityAssigned'],
  )
  await mic.kill()
})

test('an identity that is on the scale set already makes other pods Assigned without any ARM call', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('shop-0'))
  await clock.advance(2_000)
  const before = arm.calls.length
  cluster.put('pods', pod('shop-1', 'shop', 'pool-1'))
  await clock.advance(0)
  assert.equal(cluster.assigned('shop-1-default-shop')?.state, 'Assigned')
  await clock.advance(MINUTE)
  assert.equal(arm.calls.length, before)
  await mic.kill()
})

test('while one operation runs the next batch gathers, and pods that need no ARM are served meanwhile', async () => {
  const { arm, addIdentity, clock, cluster, startMic } = shopWorld()
  for (const name of ['a', 'b', 'c']) addIdentity(name)
  const mic = startMic()
  cluster.put('pods', pod('shop-0'))
  await clock.advance(2_000)
  arm.patchMs = 40_000
  cluster.put('pods', pod('first', 'a'))
  await clock.advance(1_000)
  cluster.put('pods', pod('second', 'b'))
  cluster.put('pods', pod('third', 'c'))
  cluster.put('pods', pod('fourth'))
  await clock.advance(1_000)
  assert.equal(cluster.assigned('fourth-default-shop')?.state, 'Assigned')
  assert.equal(cluster.assigned('second-default-b')?.state, 'Created')
  assert.equal(arm.count('patch'), 2)
  await clock.advance(100_000)
  assert.deepEqual(
    arm.patches().map((patch) => patch.add),
    [[id('shop')], [id('a')], [id('b'), id('c')]],
  )
  assert.equal(cluster.assigned('third-default-c')?.state, 'Assigned')
  await mic.kill()
})

test('service principals never touch ARM and are Assigned at once, also on a node that is not of Azure', async () => {
  const { arm, clock, cluster, startMic } = makeMicWorld()
  cluster.put('nodes', makeNode('bare', ''))
  cluster.put(
    'identities',
    makeIdentity({ name: 'principal', type: 1, clientPassword: { namespace: 'default', name: 's' } }),
  )
  cluster.put('bindings', makeBinding({ azureIdentity: 'principal' }))
  const mic = startMic()
  cluster.put('pods', pod('shop-0', 'shop', 'bare'))
  await clock.advance(100)
  assert.equal(cluster.assigned('shop-0-default-principal')?.state, 'Assigned')
  cluster.remove('pods', 'default/shop-0')
  await clock.advance(100)
  assert.equal(cluster.all('assigned').length, 0)
  assert.equal(arm.calls.length, 0)
  await mic.kill()
})

test('a managed identity on a node without a usable provider id stays Created and says why', async () => {
  const { addIdentity, arm, clock, cluster, startMic } = makeMicWorld()
  cluster.put('nodes', makeNode('bare', 'kind://docker/kind/worker'))
  addIdentity('shop')
  const mic = startMic()
  cluster.put('pods', pod('shop-0', 'shop', 'bare'))
  await clock.advance(100)
  const object = cluster.assigned('shop-0-default-shop')
  assert.equal(object?.state, 'Created')
  assert.equal(object?.reason, 'assignment-failed')
  assert.match(object?.message ?? '', /node bare has spec.providerID kind:\/\/docker\/kind\/worker/)
  assert.ok(cluster.events.some((event) => event.target === 'Pod default/shop-0' && event.type === 'Warning'))
  assert.equal(arm.calls.length, 0)
  cluster.put('nodes', vmssNode('pool', 7))
  await mic.kill()
})

test('when the last pod goes, the object is marked, the identity leaves, and only then the object ends', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('shop-0'))
  await clock.advance(2_000)
  cluster.remove('pods', 'default/shop-0')
  await clock.advance(100)
  assert.equal(cluster.assigned('shop-0-default-shop')?.deleting, true)
  await clock.advance(2_000)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [])
  assert.equal(cluster.all('assigned').length, 0)
  assert.deepEqual(cluster.writes.slice(-3), [
    'delete shop-0-default-shop',
    'ownership pool',
    'finalizer shop-0-default-shop',
  ])
  assert.equal(cluster.ownership.size, 0)
  assert.ok(cluster.events.some((event) => event.reason === 'binding removed'))
  await mic.kill()
})

test('a pod that finished releases its identity while its object is still there', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('job'))
  await clock.advance(2_000)
  cluster.put('pods', { ...pod('job'), phase: 'Succeeded' })
  await clock.advance(3_000)
  assert.equal(cluster.all('assigned').length, 0)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [])
  await mic.kill()
})

test('an identity that another pod of the same scale set uses stays, on whatever node that pod is', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('a'))
  cluster.put('pods', pod('b', 'shop', 'pool-1'))
  await clock.advance(2_000)
  cluster.remove('pods', 'default/a')
  await clock.advance(5_000)
  assert.equal(cluster.assigned('a-default-shop'), undefined)
  assert.equal(cluster.assigned('b-default-shop')?.state, 'Assigned')
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('shop')])
  assert.equal(arm.count('patch'), 1)
  await mic.kill()
})

test('what was on the VM before podid stays: system identity, identities of others, bound or not', async () => {
  const world = makeMicWorld()
  const { arm, clock, cluster, startMic } = world
  for (const name of ['shop', 'kubelet', 'other']) world.addIdentity(name)
  const vm = arm.addGroup(vmId('vm-1'), [identityId('kubelet'), identityId('other')])
  vm.systemAssigned = true
  cluster.put('nodes', makeNode('vm-1', `azure://${vmId('vm-1')}`))
  const mic = startMic()
  for (const name of ['shop', 'kubelet']) cluster.put('pods', pod(`uses-${name}`, name, 'vm-1'))
  await clock.advance(3_000)
  assert.deepEqual(
    arm.patches().map((patch) => patch.add),
    [[id('shop')]],
  )
  for (const name of ['shop', 'kubelet']) cluster.remove('pods', `default/uses-${name}`)
  await clock.advance(10 * MINUTE)
  assert.deepEqual(arm.identitiesOf(vmId('vm-1')), [id('kubelet'), id('other')].sort())
  assert.equal(vm.systemAssigned, true)
  assert.equal(cluster.all('assigned').length, 0)
  await mic.kill()
})

test('immutable, cluster and login identities stay though podid added them', async () => {
  const world = makeMicWorld({
    config: { immutableIdentities: [clientIdOf('keep').toUpperCase()] },
    clusterIdentity: clientIdOf('cluster'),
  })
  const { arm, clock, cluster, startMic } = world
  arm.loginAs = { clientId: clientIdOf('login'), objectId: '', resourceId: '' }
  arm.addGroup(vmssId('pool'))
  cluster.put('nodes', vmssNode('pool', 0))
  const names = ['keep', 'cluster', 'login', 'shop']
  for (const name of names) world.addIdentity(name)
  const mic = startMic()
  for (const name of names) cluster.put('pods', pod(name, name))
  await clock.advance(3_000)
  for (const name of names) cluster.remove('pods', `default/${name}`)
  await clock.advance(10 * MINUTE)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('cluster'), id('keep'), id('login')].sort())
  assert.equal(cluster.all('assigned').length, 0)
  await mic.kill()
})

test('changing the label moves the pod from one identity to the other', async () => {
  const { addIdentity, arm, clock, cluster, startMic } = shopWorld()
  addIdentity('other')
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  cluster.put('pods', pod('p', 'other'))
  await clock.advance(3_000)
  assert.deepEqual(
    cluster.all('assigned').map((object) => object.name),
    ['p-default-other'],
  )
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('other')])
  await mic.kill()
})

test('a changed resource id is a new assignment in place: the new one comes, the old one goes', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  arm.addIdentity(identityId('moved'), clientIdOf('moved'))
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  const uid = cluster.assigned('p-default-shop')?.uid
  cluster.put(
    'identities',
    makeIdentity({ name: 'shop', resourceId: identityId('moved'), clientId: clientIdOf('moved') }),
  )
  await clock.advance(100)
  assert.equal(cluster.assigned('p-default-shop')?.state, 'Created')
  await clock.advance(5_000)
  const object = cluster.assigned('p-default-shop')
  assert.equal(object?.state, 'Assigned')
  assert.equal(object?.uid, uid)
  assert.equal(object?.identity.clientId, clientIdOf('moved'))
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('moved')])
  await mic.kill()
})

test('a label or annotation on an AzureIdentity writes no object again', async () => {
  const { clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  const writes = cluster.writes.length
  cluster.put('identities', makeIdentity({ name: 'shop' }))
  await clock.advance(2_000)
  assert.equal(cluster.writes.length, writes)
  await mic.kill()
})

test('identities of one name in two namespaces get objects of two names, and an old object keeps its name', async () => {
  const world = shopWorld()
  const { arm, clock, cluster, startMic } = world
  arm.addIdentity(identityId('shop', 'elsewhere'), clientIdOf('elsewhere'))
  cluster.put(
    'identities',
    makeIdentity({
      namespace: 'team',
      name: 'shop',
      resourceId: identityId('shop', 'elsewhere'),
      clientId: clientIdOf('elsewhere'),
    }),
  )
  cluster.put('bindings', makeBinding({ namespace: 'team', name: 'team-binding' }))
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(3_000)
  const objects = cluster.all('assigned')
  assert.equal(objects.length, 2)
  assert.ok(objects.every((object) => object.state === 'Assigned' && object.namespace === 'default'))
  const plain = cluster.assigned('p-default-shop')
  assert.equal(plain?.identity.namespace, 'default')
  assert.match(objects.find((object) => object !== plain)?.name ?? '', /^p-default-shop-[\da-f]{10}$/)
  await mic.kill()
  // The first identity goes; the other one keeps the object that it has, also for a new leader.
  cluster.remove('bindings', 'default/shop-binding')
  const again = startMic()
  await clock.advance(5_000)
  assert.equal(cluster.all('assigned').length, 1)
  assert.equal(cluster.all('assigned')[0]?.identity.namespace, 'team')
  assert.equal(arm.identitiesOf(vmssId('pool')).length, 1)
  await again.kill()
})

test('a StatefulSet pod that moves to another scale set takes its object along', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  arm.addGroup(vmssId('other'))
  cluster.put('nodes', vmssNode('other', 0))
  const mic = startMic()
  cluster.put('pods', pod('db-0'))
  await clock.advance(2_000)
  cluster.remove('pods', 'default/db-0')
  cluster.put('pods', { ...pod('db-0', 'shop', 'other-0'), uid: 'second' })
  await clock.advance(10_000)
  const object = cluster.assigned('db-0-default-shop')
  assert.equal(object?.state, 'Assigned')
  assert.equal(object?.nodeName, 'other-0')
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [])
  assert.deepEqual(arm.identitiesOf(vmssId('other')), [id('shop')])
  await mic.kill()
})

test('an object that a user deletes comes back while its pod needs it', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  const object = cluster.assigned('p-default-shop')
  assert.ok(object !== undefined)
  cluster.put('assigned', { ...object, deleting: true })
  await clock.advance(2_000)
  const again = cluster.assigned('p-default-shop')
  assert.notEqual(again?.uid, object.uid)
  assert.equal(again?.state, 'Assigned')
  assert.equal(arm.count('patch'), 1)
  await mic.kill()
})

test('a node that vanished frees its objects without ARM, and a scale set that lives on is cleaned', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  cluster.remove('nodes', 'pool-0')
  await clock.advance(100)
  assert.equal(cluster.all('assigned').length, 0)
  await clock.advance(5_000)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [])
  await mic.kill()
})

test('a VM that is gone from Azure strands no object and leaves no record', async () => {
  const world = makeMicWorld()
  const { arm, clock, cluster, startMic } = world
  world.addIdentity('shop')
  arm.addGroup(vmId('vm-1'))
  cluster.put('nodes', makeNode('vm-1', `azure://${vmId('vm-1')}`))
  const mic = startMic()
  cluster.put('pods', pod('p', 'shop', 'vm-1'))
  await clock.advance(2_000)
  arm.groups.delete(vmId('vm-1'))
  cluster.remove('pods', 'default/p')
  await clock.advance(5 * MINUTE)
  assert.equal(cluster.all('assigned').length, 0)
  assert.equal(cluster.ownership.size, 0)
  await mic.kill()
})

test('an identity that was taken off by hand is put back by the next reconcile', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  arm.groups.get(vmssId('pool'))?.identities.clear()
  await clock.advance(4 * MINUTE)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('shop')])
  assert.equal(cluster.assigned('p-default-shop')?.state, 'Assigned')
  await mic.kill()
})

test('an object can end when its identity was taken off by hand before', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  arm.groups.get(vmssId('pool'))?.identities.clear()
  cluster.remove('pods', 'default/p')
  await clock.advance(3_000)
  assert.equal(cluster.all('assigned').length, 0)
  assert.equal(cluster.ownership.size, 0)
  await mic.kill()
})

test('a leaked identity that podid once added is removed by the next leader, one of others is not', async () => {
  const { arm, clock, cluster, startMic } = shopWorld()
  arm.addIdentity(identityId('theirs'), clientIdOf('theirs'))
  const mic = startMic()
  cluster.put('pods', pod('p'))
  await clock.advance(2_000)
  await mic.kill()
  // Pod and object vanish while no MIC runs: somebody took the finalizer off by hand.
  cluster.remove('pods', 'default/p')
  cluster.remove('assigned', objectKey('default', 'p-default-shop'))
  arm.groups.get(vmssId('pool'))?.identities.set(id('theirs'), { clientId: 'x', principalId: 'y' })
  const next = startMic()
  await clock.advance(5_000)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [id('theirs')])
  await next.kill()
})

test('400 identities go in slices of at most 150 without help', async () => {
  const world = makeMicWorld()
  const { arm, clock, cluster, startMic } = world
  arm.addGroup(vmssId('pool'))
  cluster.put('nodes', vmssNode('pool', 0))
  for (let i = 0; i < 400; i += 1) {
    world.addIdentity(`id-${i}`)
    cluster.put('pods', pod(`p-${i}`, `id-${i}`))
  }
  const mic = startMic()
  await clock.advance(30_000)
  assert.equal(arm.identitiesOf(vmssId('pool')).length, 400)
  assert.deepEqual(
    arm.patches().map((patch) => patch.add.length),
    [150, 150, 100],
  )
  assert.ok(cluster.all('assigned').every((object) => object.state === 'Assigned'))
  for (let i = 0; i < 400; i += 1) cluster.remove('pods', `default/p-${i}`)
  await clock.advance(30_000)
  assert.deepEqual(arm.identitiesOf(vmssId('pool')), [])
  assert.equal(cluster.all('assigned').length, 0)
  await mic.kill()
})
