import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import { ChainReports } from './chain-reports.ts'
import { World } from './world.ts'

function setUp() {
  const clock = new FakeClock()
  const cluster = new FakeCluster(clock)
  const world = new World(cluster.watch().stores)
  const reports = new ChainReports({
    world,
    rules: { forceNamespaced: false },
    events: cluster.eventSink(),
    clock,
  })
  const texts = (): string[] => cluster.events.map((event) => event.message)
  return { clock, cluster, reports, texts }
}

test('a label that no binding selects is told once, with the near match', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('bindings', makeBinding({ selector: 'shop' }))
  cluster.put('pods', makePod({ selector: 'shp' }))
  for (let again = 0; again < 3; again += 1) {
    reports.note('default/shop-0', true)
    await clock.advance(10_000)
  }
  assert.equal(texts().length, 1)
  assert.match(texts()[0] ?? '', /label aadpodidbinding=shp; bindings here select: shop. Did you mean shop\?/)
})

test('another fault of the same pod is told too', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('pods', makePod())
  reports.note('default/shop-0', true)
  await clock.advance(10_000)
  cluster.put('bindings', makeBinding())
  reports.note('default/shop-0', true)
  await clock.advance(10_000)
  assert.equal(texts().length, 2)
  assert.match(texts()[1] ?? '', /whose AzureIdentity default\/shop does not exist/)
})

test('a chain that is whole before the grace time is over is no news', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('pods', makePod())
  reports.note('default/shop-0', true)
  await clock.advance(1_000)
  cluster.put('bindings', makeBinding())
  cluster.put('identities', makeIdentity())
  reports.note('default/shop-0', false)
  await clock.advance(10_000)
  assert.deepEqual(texts(), [])
  assert.equal(clock.timers, 0)
})

test('a pod on the host network is told that it cannot be told from the node', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('bindings', makeBinding())
  cluster.put('identities', makeIdentity())
  cluster.put('pods', makePod({ hostNetwork: true }))
  reports.note('default/shop-0', true)
  await clock.advance(10_000)
  assert.equal(texts().length, 1)
  assert.match(texts()[0] ?? '', /uses the host network/)
})

test('of a pod that is gone, finished or forgotten nothing is told and nothing is kept', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('pods', makePod({ phase: 'Failed' }))
  reports.note('default/shop-0', true)
  reports.note('default/never', true)
  await clock.advance(10_000)
  reports.note('default/forgotten', true)
  reports.forget('default/forgotten')
  assert.equal(clock.timers, 0)
  reports.note('default/closed', true)
  reports.close()
  assert.equal(clock.timers, 0)
  assert.deepEqual(texts(), [])
  assert.equal(reports.size, 0)
})

test('a faulty pod is forgotten when it is', async () => {
  const { clock, cluster, reports, texts } = setUp()
  cluster.put('pods', makePod())
  reports.note('default/shop-0', true)
  await clock.advance(10_000)
  assert.equal(reports.size, 1)
  reports.forget('default/shop-0')
  assert.equal(reports.size, 0)
  assert.equal(texts().length, 1)
})
