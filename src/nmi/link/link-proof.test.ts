import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { FakeLinks } from '../../../test/fakes/fake-links.ts'
import { makePod } from '../../../test/make/objects.ts'
import { ObjectStore } from '../../kube/store.ts'
import type { Pod } from '../../model/resources.ts'
import type { Log } from '../../telemetry/log.ts'
import { silentLog } from '../../telemetry/log.ts'
import { guardedProof } from './guarded-proof.ts'
import { createLinkAges } from './link-ages.ts'
import { createLinkProof } from './link-proof.ts'
import { createLinkTable } from './link-table.ts'

const ADDRESS = '10.244.0.10'
const START = Date.UTC(2026, 0, 1)

function setting(before: (links: FakeLinks) => void = () => {}) {
  const clock = new FakeClock({ now: START })
  const links = new FakeLinks()
  const pods = new ObjectStore<Pod>()
  const warnings: string[] = []
  const errors: string[] = []
  const log: Log = {
    ...silentLog,
    warn: (_fields, message) => void warnings.push(message),
    error: (_fields, message) => void errors.push(message),
  }
  before(links)
  const table = createLinkTable({ files: links, clock })
  const ages = createLinkAges({ files: links, clock })
  const proof = createLinkProof({ pods, table, ages, clock, log })
  const put = (pod: Pod): Pod => {
    pods.put(`default/${pod.name}`, pod)
    return pod
  }
  return {
    clock,
    links,
    pods,
    warnings,
    errors,
    put,
    remove: (pod: Pod) => pods.remove(`default/${pod.name}`),
    /** Time goes on by seconds, with a look in each. */
    async pass(seconds: number) {
      proof.start()
      await clock.advance(seconds * 1_000)
    },
    verify(pod: Pod, address = ADDRESS) {
      table.refresh()
      return proof.verify(pod, address)
    },
    proof,
  }
}

const a = makePod({ name: 'a', uid: 'a' })
const b = makePod({ name: 'b', uid: 'b' })

test('routed: the next pod of an address is not the one that the API still tells of, until its own event', async () => {
  const world = setting((links) => {
    links.bridged = false
    links.route(ADDRESS, 'azv1')
  })
  world.put(a)
  assert.equal(world.verify(a), 'proven')
  world.links.remove('azv1')
  assert.equal(world.verify(a), 'disproven')
  world.links.route(ADDRESS, 'azv2')
  assert.equal(world.verify(a), 'disproven')
  await world.pass(5)
  assert.equal(world.verify(a), 'disproven')
  world.put(b)
  assert.deepEqual([world.verify(a), world.verify(b)], ['disproven', 'proven'])
  world.remove(a)
  assert.equal(world.verify(b), 'proven')
})

test('routed: a device of the same name is another device', () => {
  const world = setting((links) => links.route(ADDRESS, 'cali1'))
  world.put(a)
  world.links.remove('cali1')
  world.links.route(ADDRESS, 'cali1')
  assert.equal(world.verify(a), 'disproven')
  world.put(b)
  assert.equal(world.verify(b), 'proven')
})

test('bridge: the next pod of an address, with the same hardware address, is not the one before', () => {
  const world = setting((links) => {
    links.plug('veth1')
    links.hear('veth1', ADDRESS)
  })
  world.put(a)
  assert.equal(world.verify(a), 'proven')
  world.links.remove('veth1')
  assert.equal(world.verify(a), 'unheard')
  world.links.plug('veth2')
  assert.equal(world.verify(a), 'unheard')
  world.links.hear('veth2', ADDRESS)
  assert.equal(world.verify(a), 'disproven')
  world.put(b)
  assert.deepEqual([world.verify(a), world.verify(b)], ['disproven', 'proven'])
})

test('bridge: a pod that was not heard when the API told of it is known by its first packet, its successor is not', () => {
  const first = setting((links) => links.plug('veth1'))
  first.put(a)
  assert.equal(first.verify(a), 'unheard')
  first.links.hear('veth1', ADDRESS)
  assert.equal(first.verify(a), 'proven')

  const silent = setting((links) => links.plug('veth1'))
  silent.put(a)
  silent.links.remove('veth1')
  silent.links.plug('veth2')
  silent.links.hear('veth2', ADDRESS)
  assert.equal(silent.verify(a), 'disproven')
  silent.put(b)
  assert.equal(silent.verify(b), 'proven')
})

test('bridge: a pod that is heard between two requests is noted at the next look', async () => {
  const world = setting((links) => {
    links.plug('veth1')
    links.plug('veth2')
  })
  world.put(a)
  world.links.hear('veth1', ADDRESS)
  await world.pass(1)
  world.links.hear('veth2', ADDRESS)
  assert.equal(world.verify(a), 'disproven')
  world.links.hear('veth1', ADDRESS)
  assert.equal(world.verify(a), 'proven')
})

test('bridge: a neighbour that takes the address, or the hardware address, is not the pod', () => {
  const other = makePod({ name: 'c', uid: 'c', addresses: ['10.244.0.11'] })
  const world = setting((links) => {
    links.plug('veth1')
    links.plug('veth2')
    links.hear('veth2', '10.244.0.11')
  })
  world.put(a)
  world.put(other)
  assert.equal(world.verify(other, '10.244.0.11'), 'proven')
  // Before the pod was ever heard: the port belongs to the neighbour.
  world.links.hear('veth2', ADDRESS, '02:00:00:00:00:99')
  assert.equal(world.verify(a), 'disproven')
  world.links.hear('veth1', ADDRESS)
  assert.equal(world.verify(a), 'proven')
  world.links.hear('veth2', ADDRESS)
  assert.equal(world.verify(a), 'disproven')
  world.links.hear('veth1', ADDRESS)
  assert.equal(world.verify(a), 'proven')
})

test('a pod whose sandbox is made anew is served as soon as its status tells of it, and not before', async () => {
  for (const shape of ['routed', 'bridge']) {
    const up = (links: FakeLinks, name: string): void => {
      if (shape === 'routed') links.route(ADDRESS, name)
      else {
        links.plug(name)
        links.hear(name, ADDRESS)
      }
    }
    const world = setting((links) => up(links, 'veth1'))
    world.put({ ...a, sandboxAt: START })
    await world.pass(60)
    assert.equal(world.verify(a), 'proven')
    world.links.remove('veth1')
    up(world.links, 'veth2')
    await world.pass(3)
    // What the status says otherwise changes nothing.
    world.put({ ...a, sandboxAt: START, labels: { changed: 'yes' } })
    assert.equal(world.verify(a), 'disproven')
    world.put({ ...a, sandboxAt: START + 61_000 })
    assert.equal(world.verify(a), 'proven', shape)
  }
})

test('bridge: a new sandbox that was not heard when its status came is known by its first packet', () => {
  const world = setting((links) => {
    links.plug('veth1')
    links.hear('veth1', ADDRESS)
  })
  world.put({ ...a, sandboxAt: START })
  world.links.remove('veth1')
  world.links.plug('veth2')
  world.put({ ...a, sandboxAt: START + 1_000 })
  assert.equal(world.verify(a), 'unheard')
  world.links.hear('veth2', ADDRESS)
  assert.equal(world.verify(a), 'proven')
})

test('a new address of a pod comes with its own link, and the old one is given up', () => {
  const world = setting((links) => links.route(ADDRESS, 'azv1'))
  world.put(a)
  world.links.remove('azv1')
  world.links.route('10.244.0.12', 'azv2')
  world.put({ ...a, addresses: ['10.244.0.12'] })
  assert.equal(world.verify(a, '10.244.0.12'), 'proven')
})

test('an event that is late by more than the next pod is young claims nothing: first event, restart, new sandbox', async () => {
  const world = setting()
  await world.pass(10)
  world.links.route(ADDRESS, 'azv2')
  await world.pass(1)
  // The first that is heard of the old pod: its sandbox was there five seconds before the device of the next.
  world.put({ ...a, sandboxAt: START + 5_000 })
  assert.equal(world.verify(a), 'disproven')
  world.put({ ...b, sandboxAt: START + 10_000 })
  assert.equal(world.verify(b), 'proven')

  const known = setting((links) => links.route(ADDRESS, 'azv1'))
  known.put({ ...a, sandboxAt: START })
  await known.pass(10)
  known.links.remove('azv1')
  known.links.route(ADDRESS, 'azv2')
  await known.pass(1)
  known.put({ ...a, sandboxAt: START + 5_000 })
  assert.equal(known.verify(a), 'disproven')
  known.put({ ...a, sandboxAt: START + 10_000, deleting: true })
  assert.equal(known.verify(a), 'disproven')
})

test('a wall clock that is set does not make a pod a stranger', async () => {
  for (const step of [3_600_000, -3_600_000]) {
    const world = setting()
    await world.pass(10)
    world.links.route(ADDRESS, 'azv1')
    const startedAt = world.clock.now()
    const now = world.clock.now.bind(world.clock)
    world.clock.now = () => now() + step
    world.put({ ...a, sandboxAt: startedAt })
    assert.equal(world.verify(a), 'proven', String(step))
  }
})

test('what is there when the agent starts is taken from the list of the API', async () => {
  const world = setting((links) => links.route(ADDRESS, 'azv1'))
  world.put({ ...a, sandboxAt: START - 86_400_000 })
  assert.equal(world.verify(a), 'proven')
})

test('a network that shows nothing leaves it to the address, and says so once', () => {
  const world = setting((links) => {
    links.bridged = false
  })
  world.put(a)
  assert.deepEqual([world.verify(a), world.verify(a)], ['unknown', 'unknown'])
  assert.equal(world.warnings.length, 1)
  assert.match(world.warnings[0] ?? '', /does not show the link of a pod/)
  // Once it was shown, its loss is no return to the address alone.
  world.links.route(ADDRESS, 'azv1')
  world.put({ ...a, sandboxAt: START })
  assert.equal(world.verify(a), 'proven')
  world.links.remove('azv1')
  assert.equal(world.verify(a), 'disproven')
})

test('routed: a device that several pods share tells them not apart', () => {
  const other = makePod({ name: 'c', uid: 'c', addresses: ['10.244.0.11'] })
  const world = setting((links) => {
    links.route(ADDRESS, 'shared')
    links.share('10.244.0.11', 'shared')
  })
  world.put(a)
  world.put(other)
  assert.deepEqual([world.verify(a), world.verify(other, '10.244.0.11')], ['proven', 'unknown'])
})

test('two addresses of one pod are on one link, and the link is free when the pod has ended', () => {
  const dual = { ...a, addresses: [ADDRESS, '10.244.0.11'] }
  const world = setting((links) => {
    links.route(ADDRESS, 'azv1')
    links.share('10.244.0.11', 'azv1')
  })
  world.put(dual)
  assert.deepEqual([world.verify(dual), world.verify(dual, '10.244.0.11')], ['proven', 'proven'])
  world.put({ ...dual, addresses: [ADDRESS] })
  assert.equal(world.verify(dual), 'proven')
  world.put({ ...dual, phase: 'Succeeded' })
  world.put(b)
  assert.equal(world.verify(b), 'proven')
})

test('a pod that was read directly is noted when it is asked about, and not remembered for ever', () => {
  const world = setting((links) => links.route(ADDRESS, 'azv1'))
  assert.equal(world.verify(a), 'proven')
  world.links.remove('azv1')
  world.links.route(ADDRESS, 'azv2')
  assert.equal(world.verify(a), 'disproven')
  for (let i = 0; i < 1_000; i += 1) world.verify(makePod({ name: `x-${i}`, uid: `x-${i}` }))
  // Forgotten with all the others that the watch never told: it is as if it was read again.
  assert.equal(world.verify(b), 'unknown')
})

test('a stopped proof has no timer', async () => {
  const world = setting()
  await world.pass(3)
  assert.equal(world.clock.timers, 1)
  world.proof.stop()
  assert.equal(world.clock.timers, 0)
})

test('routes that are too many to be read disprove nobody: known pods are refused until they can be, and it is told', async () => {
  const world = setting((links) => {
    links.route(ADDRESS, 'azv1')
  })
  world.put(a)
  assert.equal(world.verify(a), 'proven')
  world.links.overlong = true
  assert.deepEqual([world.verify(a), world.verify(a)], ['unheard', 'unheard'])
  const late = world.put(makePod({ name: 'late', uid: 'late', addresses: ['10.244.0.11'] }))
  assert.equal(world.verify(late, '10.244.0.11'), 'unknown')
  assert.equal(world.errors.length, 1)
  assert.match(world.errors[0] ?? '', /routes of this node are more than the agent reads/)
  await world.pass(61)
  assert.equal(world.verify(a), 'unheard')
  assert.equal(world.errors.length, 2)
  world.links.overlong = false
  assert.equal(world.verify(a), 'proven')
  world.proof.stop()
})

test('to be guarded are pods with the label of a binding, on a port of a bridge that is still there', () => {
  const world = setting((links) => {
    for (const [port, address] of [
      ['veth1', '10.244.0.10'],
      ['veth2', '10.244.0.11'],
    ] as const) {
      links.plug(port)
      links.hear(port, address)
    }
    links.route('10.244.0.12', 'azv3')
  })
  const labels = { aadpodidbinding: 'shop' }
  const asks = world.put(makePod({ name: 'asks', uid: 'asks', addresses: ['10.244.0.10'], labels }))
  world.put(makePod({ name: 'plain', uid: 'plain', addresses: ['10.244.0.11'], labels: {} }))
  world.put(makePod({ name: 'routed', uid: 'routed', addresses: ['10.244.0.12'], labels }))
  const place = { device: 'veth1', address: '10.244.0.10', mac: '0a:58:0a:f4:00:0a' }
  assert.deepEqual(world.proof.guardable(), [place])
  assert.deepEqual(world.proof.placeOf(asks, '10.244.0.10'), place)
  world.links.remove('veth1')
  assert.deepEqual(world.proof.guardable(), [])
})

test('a pod on a bridge is not proven before it is guarded', () => {
  const world = setting((links) => {
    links.plug('veth1')
    links.hear('veth1', ADDRESS)
  })
  const pod = world.put(makePod({ name: 'a', uid: 'a', labels: { aadpodidbinding: 'shop' } }))
  let awaited = true
  const guard = {
    awaits: () => awaited,
    subscribe: () => {},
    start: () => {},
    stop: async () => {},
  }
  const proof = guardedProof(world.proof, guard)
  assert.equal(proof.verify(pod, ADDRESS), 'unheard')
  awaited = false
  assert.equal(proof.verify(pod, ADDRESS), 'proven')
})
