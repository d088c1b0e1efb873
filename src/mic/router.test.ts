import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { vmssNode } from '../../test/make/mic-world.ts'
import { makeAssigned, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { ChainReports } from './chain-reports.ts'
import { ObjectView } from './object-view.ts'
import { Router } from './router.ts'
import { Wanted } from './wanted.ts'
import { World } from './world.ts'

/** A cluster of `size` pods over 20 identities and 10 nodes, with a router that writes down what it concerns. */
function makeRouted(size: number) {
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  for (let n = 0; n < 10; n += 1) cluster.put('nodes', vmssNode('pool', n))
  for (let n = 0; n < 20; n += 1) {
    cluster.put('identities', makeIdentity({ name: `i${n}` }))
    cluster.put('bindings', makeBinding({ name: `b${n}`, azureIdentity: `i${n}`, selector: `s${n}` }))
  }
  for (let n = 0; n < size; n += 1) {
    cluster.put('pods', makePod({ name: `p${n}`, selector: `s${n % 20}`, nodeName: `pool-${n % 10}` }))
  }
  const { stores } = cluster.watch()
  const world = new World(stores)
  const wanted = new Wanted()
  const rules = { forceNamespaced: false }
  const chainReports = new ChainReports({ world, rules, events: cluster.eventSink(), clock })
  const seen = { pods: [] as string[], groups: [] as string[], identities: [] as string[] }
  const router = new Router({
    world,
    rules,
    wanted,
    view: new ObjectView(world, clock),
    chainReports,
    draining: false,
    podChanged: (key) => seen.pods.push(key),
    groupChanged: (key) => seen.groups.push(key),
    identityChanged: (key) => seen.identities.push(key),
  })
  router.connect()
  router.resync()
  const during = (happen: () => void): { pods: number; groups: number } => {
    seen.pods.length = 0
    seen.groups.length = 0
    happen()
    return { pods: new Set(seen.pods).size, groups: new Set(seen.groups).size }
  }
  return { chainReports, clock, cluster, during, wanted }
}

test('one event concerns the same few pods in a cluster of 200 and of 4,000', () => {
  const touched = [200, 4_000].map((size) => {
    const { cluster, during } = makeRouted(size)
    const name = 'new'
    return {
      created: during(() => cluster.put('pods', makePod({ name, selector: 's1', nodeName: 'pool-3' }))),
      labelled: during(() => cluster.put('pods', makePod({ name, selector: 's2', nodeName: 'pool-3' }))),
      written: during(() =>
        cluster.put('assigned', makeAssigned({ pod: name, identity: makeIdentity({ name: 'i2' }) })),
      ),
      gone: during(() => cluster.remove('pods', `default/${name}`)),
      unlabelled: during(() => cluster.put('pods', makePod({ name: 'plain', selector: '' }))),
      unusedBinding: during(() => cluster.put('bindings', makeBinding({ name: 'x', selector: 'nobody' }))),
      unusedIdentity: during(() => cluster.put('identities', makeIdentity({ name: 'unbound' }))),
    }
  })
  assert.deepEqual(touched[0], touched[1])
  assert.deepEqual(touched[0]?.created, { pods: 1, groups: 0 })
  assert.deepEqual(touched[0]?.unlabelled, { pods: 0, groups: 0 })
})

test('a binding, an identity and a node concern exactly their own pods', () => {
  const { cluster, during } = makeRouted(400)
  assert.equal(during(() => cluster.remove('bindings', 'default/b7')).pods, 20)
  assert.equal(during(() => cluster.remove('identities', 'default/i8')).pods, 20)
  assert.equal(during(() => cluster.remove('nodes', 'pool-3')).pods, 40)
  assert.equal(during(() => cluster.put('nodes', vmssNode('pool', 3))).pods, 40)
  assert.equal(during(() => cluster.put('nodes', vmssNode('pool', 3))).pods, 0)
})

test('the scale set hears of an identity when its first pod comes and when its last one goes, not in between', () => {
  const { cluster, during } = makeRouted(0)
  const pod = (name: string) => makePod({ name, selector: 's1', nodeName: 'pool-0' })
  assert.equal(during(() => cluster.put('pods', pod('a'))).groups, 1)
  assert.equal(during(() => cluster.put('pods', pod('b'))).groups, 0)
  assert.equal(during(() => cluster.remove('pods', 'default/a')).groups, 0)
  assert.equal(during(() => cluster.put('pods', { ...pod('b'), phase: 'Failed' })).groups, 1)
})

test('doubled events change nothing that is wanted', () => {
  const { cluster, wanted } = makeRouted(50)
  const before = [...wanted.pods()].map((key) => wanted.of(key).map((each) => each.identity.name))
  for (const pod of cluster.all('pods')) cluster.put('pods', pod)
  for (const binding of cluster.all('bindings')) cluster.put('bindings', binding)
  assert.deepEqual(
    [...wanted.pods()].map((key) => wanted.of(key).map((each) => each.identity.name)),
    before,
  )
})

test('a faulty pod that loses its label or finishes is forgotten, also when it goes later', async () => {
  const { chainReports, clock, cluster } = makeRouted(0)
  for (const end of [makePod({ selector: '' }), makePod({ phase: 'Succeeded', selector: 'nobody' })]) {
    cluster.put('pods', makePod({ selector: 'nobody', nodeName: 'pool-0' }))
    await clock.advance(10_000)
    assert.equal(chainReports.size, 1)
    cluster.put('pods', { ...end, nodeName: 'pool-0' })
    cluster.remove('pods', 'default/shop-0')
    assert.equal(chainReports.size, 0)
  }
})
