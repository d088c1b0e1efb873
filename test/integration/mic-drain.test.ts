import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MicWorld, makeMicWorld, vmssId, vmssNode } from '../make/mic-world.ts'
import { clientIdOf, identityId, makePod } from '../make/objects.ts'

const id = (name: string): string => identityId(name).toLowerCase()

/** Two pods on one scale set, each with an identity of its own, after MIC has stopped. */
async function usedWorld(): Promise<MicWorld> {
  const world = makeMicWorld()
  world.arm.addIdentity(identityId('foreign'), clientIdOf('foreign'))
  world.arm.addGroup(vmssId('pool'), [identityId('foreign')])
  world.cluster.put('nodes', vmssNode('pool', 0))
  for (const name of ['shop', 'cart']) {
    world.addIdentity(name)
    world.cluster.put('pods', makePod({ name: `${name}-0`, selector: name, nodeName: 'pool-0' }))
  }
  const mic = world.startMic()
  await world.clock.advance(5_000)
  await mic.kill()
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('cart'), id('foreign'), id('shop')])
  return world
}

async function drained(world: MicWorld, timeoutMs: number) {
  const draining = world.drain(timeoutMs)
  await world.clock.advance(timeoutMs + 60_000)
  return draining
}

test('a drain takes its identities off the nodes and the objects away though the pods still run', async () => {
  const world = await usedWorld()
  const before = world.arm.count('patch')
  assert.deepEqual(await drained(world, 60_000), { objects: 2, forced: [] })
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('foreign')])
  assert.equal(world.arm.count('patch') - before, 1)
  assert.equal(world.cluster.assigned('shop-0-default-shop'), undefined)
  assert.equal(world.cluster.assigned('cart-0-default-cart'), undefined)
  assert.deepEqual(await world.cluster.ownershipRecords().load(new AbortController().signal), [])
})

test('a drain ends and leaves no object behind when Azure is gone', async () => {
  const world = await usedWorld()
  world.arm.beforeCall = () => {
    throw new Error('connect ECONNREFUSED')
  }
  const { objects, forced } = await drained(world, 60_000)
  assert.equal(objects, 2)
  assert.deepEqual(forced, ['default/cart-0-default-cart', 'default/shop-0-default-shop'])
  assert.equal(world.cluster.assigned('shop-0-default-shop'), undefined)
  assert.equal(world.cluster.assigned('cart-0-default-cart'), undefined)
  assert.deepEqual(await world.cluster.ownershipRecords().load(new AbortController().signal), [])
})

test('a drain of an empty cluster is done at once', async () => {
  const world = makeMicWorld()
  assert.deepEqual(await drained(world, 1_000), { objects: 0, forced: [] })
  assert.equal(world.arm.calls.length, 0)
})

test('a drain does not wait for what stays: protected identities, and records of what is not there', async () => {
  const world = makeMicWorld({ config: { immutableIdentities: [clientIdOf('shop')] } })
  world.arm.addGroup(vmssId('pool'))
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.addIdentity('shop')
  world.cluster.put('pods', makePod({ nodeName: 'pool-0' }))
  const mic = world.startMic()
  await world.clock.advance(5_000)
  await mic.kill()
  const draining = world.drain(60 * 60_000)
  let isDone = false
  void draining.then(() => (isDone = true))
  await world.clock.advance(30_000)
  assert.ok(isDone, 'it drains on')
  assert.deepEqual(await draining, { objects: 1, forced: [] })
  assert.deepEqual(world.arm.identitiesOf(vmssId('pool')), [id('shop')])
  assert.equal(world.cluster.ownership.size, 0)
})

test('an object that the API server refuses to release does not strand the others, and the drain fails', async () => {
  const world = await usedWorld()
  world.arm.beforeCall = () => {
    throw new Error('connect ECONNREFUSED')
  }
  world.cluster.beforeWrite = (name) => {
    if (name.startsWith('finalizer cart')) throw new Error('denied by a webhook')
  }
  const draining = world.drain(30_000)
  const failed = assert.rejects(draining, /denied by a webhook/)
  await world.clock.advance(120_000)
  await failed
  assert.equal(world.cluster.assigned('shop-0-default-shop'), undefined)
  assert.equal(world.cluster.assigned('cart-0-default-cart')?.deleting, true)
})
