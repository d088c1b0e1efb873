import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeNode } from '../../test/make/mic-world.ts'
import { ObjectStore } from '../kube/store.ts'
import type { Agent, Node } from '../model/resources.ts'
import { silentLog } from '../telemetry/log.ts'
import { createStartupTaints } from './startup-taints.ts'

const KEY = 'podid.dev/agent-not-ready'
const HOUR = 3_600_000

function setting() {
  const clock = new FakeClock()
  const nodes = new ObjectStore<Node>()
  const agents = new ObjectStore<Agent>()
  const term = new AbortController()
  const removals: string[] = []
  let answer: () => Promise<'done' | 'conflict' | 'gone'> = () => Promise.resolve('done')
  let removed = 0
  const taints = createStartupTaints({
    key: KEY,
    nodes,
    agents,
    remove(node, key) {
      removals.push(`${key} ${node.name} ${node.resourceVersion}`)
      return answer()
    },
    metrics: { removed: () => (removed += 1) },
    clock,
    log: silentLog,
  })
  const running = taints.run(term.signal)
  return {
    clock,
    nodes,
    agents,
    taints,
    removals,
    removed: () => removed,
    node: (name: string, fields: Partial<Node> = {}) =>
      nodes.put(name, { ...makeNode(name, ''), startupTaints: [1], ...fields }),
    agent: (nodeName: string, fields: Partial<Agent> = {}) =>
      agents.put(`default/nmi-${nodeName}`, {
        namespace: 'default',
        name: `nmi-${nodeName}`,
        uid: `uid-${nodeName}`,
        resourceVersion: '1',
        nodeName,
        readySince: 0,
        ready: true,
        ...fields,
      }),
    answers(next: typeof answer) {
      answer = next
    },
    async end() {
      term.abort(new Error('lease lost'))
      await running
    },
  }
}

test('a node loses its taint when its agent is ready, whichever is told first, and no other node does', async () => {
  const world = setting()
  world.agents.markSynced()
  world.node('a')
  world.node('b')
  await world.clock.advance(1_000)
  assert.deepEqual(world.removals, [])
  assert.equal(world.taints.tainted(), 2)
  world.agent('a', { ready: false })
  await world.clock.advance(1_000)
  assert.deepEqual(world.removals, [])
  world.agent('a')
  world.agent('c')
  await world.clock.advance(1_000)
  assert.deepEqual(world.removals, [`${KEY} a 1`])
  assert.equal(world.removed(), 1)
  world.node('c')
  await world.clock.advance(1_000)
  assert.deepEqual(world.removals.slice(1), [`${KEY} c 1`])
  await world.end()
})

test('nothing is done before the agents have been listed, nor after the lead', async () => {
  const world = setting()
  world.node('a')
  world.agent('a')
  await world.clock.advance(1_000)
  assert.deepEqual(world.removals, [])
  world.agents.markSynced()
  await world.clock.advance(1_000)
  assert.equal(world.removals.length, 1)
  await world.end()
  world.node('b')
  world.agent('b')
  await world.clock.advance(60_000)
  assert.equal(world.removals.length, 1)
  assert.equal(world.clock.timers, 0)
})

test('an untainted node is not written, however often its agent is told', async () => {
  const world = setting()
  world.agents.markSynced()
  world.node('a', { startupTaints: [] })
  for (let i = 0; i < 5; i += 1) world.agent('a', { resourceVersion: String(i) })
  world.agent('nowhere')
  await world.clock.advance(60_000)
  assert.deepEqual(world.removals, [])
  assert.equal(world.taints.tainted(), 0)
  await world.end()
})

test('an agent that was ready on the node that had the name before does not count until it is ready anew, and clocks that differ a little do not matter', async () => {
  const world = setting()
  world.agents.markSynced()
  world.agent('a', { readySince: HOUR })
  world.node('a', { createdAt: 2 * HOUR })
  await world.clock.advance(60_000)
  assert.deepEqual(world.removals, [])
  world.agent('a', { readySince: 2 * HOUR - 3_000 })
  await world.clock.advance(1_000)
  assert.equal(world.removals.length, 1)
  await world.end()
})

test('a conflict is tried again with the newer node, a fault after a pause that grows, and a node that is gone not at all', async () => {
  const world = setting()
  world.agents.markSynced()
  world.agent('a')
  world.answers(() => Promise.resolve('conflict'))
  world.node('a')
  await world.clock.advance(100)
  assert.deepEqual(world.removals, [`${KEY} a 1`])
  world.answers(() => Promise.resolve('done'))
  world.node('a', { resourceVersion: '2' })
  await world.clock.advance(2_000)
  assert.ok(world.removals.length >= 2)
  assert.equal(world.removals[1], `${KEY} a 2`)
  world.node('a', { resourceVersion: '3', startupTaints: [] })

  world.answers(() => Promise.reject(new Error('forbidden')))
  world.agent('b')
  world.node('b')
  const before = world.removals.length
  await world.clock.advance(10 * 60_000)
  const tries = world.removals.length - before
  assert.ok(tries >= 5 && tries <= 25, String(tries))
  world.answers(() => Promise.resolve('gone'))
  await world.clock.advance(60_000)
  const last = world.removals.length
  await world.clock.advance(10 * 60_000)
  assert.equal(world.removals.length, last)
  await world.end()
})
