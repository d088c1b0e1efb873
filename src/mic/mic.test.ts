import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMicWorld, vmssId, vmssNode } from '../../test/make/mic-world.ts'
import { makePod } from '../../test/make/objects.ts'
import { KubeApiError, KubeUnreachableError } from '../kube/connection.ts'
import type { Leadership } from './leadership.ts'
import { createMic, type MicDeps } from './mic.ts'

/** Leadership that a test gives and takes. */
class HandLeadership implements Leadership {
  #lead: ((signal: AbortSignal) => Promise<void>) | undefined
  #term: AbortController | undefined
  #running: Promise<void> = Promise.resolve()
  readonly #over = Promise.withResolvers<undefined>()

  async contend(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#lead = lead
    signal.addEventListener('abort', () => this.#over.resolve(undefined), { once: true })
    await this.#over.promise
    await this.lose()
  }

  win(): void {
    this.#term = new AbortController()
    this.#running = this.#lead?.(this.#term.signal) ?? Promise.resolve()
    this.#running.catch((thrown: unknown) => {
      if (this.#term?.signal.aborted !== true) this.#over.reject(thrown)
    })
  }

  async lose(): Promise<void> {
    this.#term?.abort(new Error('lease lost'))
    await Promise.allSettled([this.#running])
  }
}

function makeMic(change: (deps: MicDeps) => MicDeps = (deps) => deps) {
  const world = makeMicWorld()
  world.arm.addGroup(vmssId('pool'))
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.addIdentity('shop')
  const leadership = new HandLeadership()
  const mic = createMic(change({ ...world.deps(), leadership }))
  const run = (name: string): void =>
    world.cluster.put('pods', makePod({ name, selector: 'shop', nodeName: 'pool-0' }))
  return { ...world, leadership, mic, run }
}

test('nothing is written before the lease is won and after it is lost, and a second term takes up where it stands', async () => {
  const { clock, cluster, leadership, mic, run } = makeMic()
  await mic.start()
  run('a')
  await clock.advance(5_000)
  assert.deepEqual(cluster.writes, [])
  assert.equal(mic.isLeading(), false)
  leadership.win()
  await clock.advance(5_000)
  assert.equal(mic.isLeading(), true)
  assert.equal(cluster.assigned('a-default-shop')?.state, 'Assigned')
  await leadership.lose()
  assert.equal(mic.isLeading(), false)
  const writes = cluster.writes.length
  run('b')
  cluster.remove('pods', 'default/a')
  await clock.advance(60_000)
  assert.equal(cluster.writes.length, writes)
  leadership.win()
  await clock.advance(5_000)
  assert.deepEqual(
    cluster.all('assigned').map(({ pod, state }) => `${pod} ${state}`),
    ['b Assigned'],
  )
  await mic.stop()
  await mic.ended
  assert.equal(clock.timers, 0)
})

test('a fault while leading ends MIC with that fault, and stopping it leaves nothing behind', async () => {
  const { clock, leadership, mic } = makeMic((deps) => ({
    ...deps,
    records: { ...deps.records, load: () => Promise.reject(new Error('ConfigMaps are forbidden')) },
  }))
  await mic.start()
  const ended = Promise.allSettled([mic.ended])
  leadership.win()
  await clock.advance(1_000)
  const [outcome] = await ended
  assert.match(String(outcome.status === 'rejected' ? outcome.reason : ''), /ConfigMaps are forbidden/)
  await mic.stop()
  assert.equal(clock.timers, 0)
})

test('start-up taints are looked after from the winning of the lease to its loss, and no longer than MIC works', async () => {
  const terms: string[] = []
  const startupTaints = {
    async run(signal: AbortSignal): Promise<void> {
      terms.push('begun')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      terms.push('ended')
    },
  }
  const { clock, leadership, mic } = makeMic((deps) => ({ ...deps, startupTaints }))
  await mic.start()
  await clock.advance(1_000)
  assert.deepEqual(terms, [])
  leadership.win()
  await clock.advance(1_000)
  assert.deepEqual(terms, ['begun'])
  await leadership.lose()
  assert.deepEqual(terms, ['begun', 'ended'])
  await mic.stop()

  const failing = makeMic((deps) => ({
    ...deps,
    startupTaints,
    records: { ...deps.records, load: () => Promise.reject(new Error('ConfigMaps are forbidden')) },
  }))
  await failing.mic.start()
  const ended = Promise.allSettled([failing.mic.ended])
  failing.leadership.win()
  await failing.clock.advance(1_000)
  await ended
  assert.deepEqual(terms, ['begun', 'ended', 'begun', 'ended'])
  await failing.mic.stop()
})

test('a fault in the care for start-up taints does not end the lead', async () => {
  const { clock, cluster, leadership, mic, run } = makeMic((deps) => ({
    ...deps,
    startupTaints: { run: () => Promise.reject(new Error('broken')) },
  }))
  await mic.start()
  leadership.win()
  run('a')
  await clock.advance(5_000)
  assert.equal(cluster.assigned('a-default-shop')?.state, 'Assigned')
  await mic.stop()
  await mic.ended
})

test('a new leader writes nothing before its stores are as new as the API server', async () => {
  const refreshed = Promise.withResolvers<void>()
  const { clock, cluster, leadership, mic, run } = makeMic((deps) => ({
    ...deps,
    refresh: () => refreshed.promise,
  }))
  await mic.start()
  run('a')
  leadership.win()
  await clock.advance(60_000)
  assert.deepEqual(cluster.writes, [])
  assert.equal(mic.isLeading(), false)
  refreshed.resolve()
  await clock.advance(5_000)
  assert.equal(cluster.assigned('a-default-shop')?.state, 'Assigned')
  await mic.stop()
  await mic.ended
})

test('records that the busy API server does not give are asked for again, and the lead is kept', async () => {
  const busy = [new KubeApiError(503, 'ServiceUnavailable', 'x'), new KubeUnreachableError('reset')]
  const { clock, cluster, leadership, mic, run } = makeMic((deps) => ({
    ...deps,
    records: {
      ...deps.records,
      load(signal) {
        const fault = busy.shift()
        return fault === undefined ? deps.records.load(signal) : Promise.reject(fault)
      },
    },
  }))
  await mic.start()
  leadership.win()
  run('a')
  await clock.advance(10_000)
  assert.deepEqual(busy, [])
  assert.equal(mic.isLeading(), true)
  assert.equal(cluster.assigned('a-default-shop')?.state, 'Assigned')
  await mic.stop()
  await mic.ended
})
