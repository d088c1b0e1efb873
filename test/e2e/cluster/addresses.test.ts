import assert from 'node:assert/strict'
import { test } from 'node:test'
import { overlaps } from '../../../emulator/node/addresses.ts'
import { CLUSTER_COUNT, clusterAddresses } from './addresses.ts'

test('no two clusters of a machine share an address', () => {
  const networks = Array.from({ length: CLUSTER_COUNT }, (_, at) => clusterAddresses(at).network)
  for (const [at, network] of networks.entries()) {
    const others = networks.filter((_, other) => other !== at)
    assert.equal(overlaps(network, others), false, network)
  }
  assert.equal(overlaps('198.18.255.0/24', networks), true)
})

test('inside a cluster pods, services and the machine have ranges of their own, all inside its network', () => {
  for (const index of [0, 7, CLUSTER_COUNT - 1]) {
    const cluster = clusterAddresses(index)
    const nodes = Array.from({ length: 6 }, (_, at) => cluster.node(at))
    const ranges = [...nodes.map(({ pods }) => pods), cluster.services, `${cluster.machine}/32`]
    for (const [at, range] of ranges.entries()) {
      const others = ranges.filter((_, other) => other !== at)
      assert.equal(overlaps(range, others), false, range)
      assert.equal(overlaps(range.replace(/\/\d+$/, '/32'), [cluster.network]), true, range)
    }
    assert.equal(overlaps(`${cluster.apiService}/32`, [cluster.services]), true)
  }
})

test('a cluster refuses more nodes than it has addresses for', () => {
  assert.throws(() => clusterAddresses(0).node(6), /at most 6 nodes/)
})
