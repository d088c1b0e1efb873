import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeMicWorld, vmssId, vmssNode } from '../../../test/make/mic-world.ts'
import { makePod } from '../../../test/make/objects.ts'
import type { Leadership } from '../../mic/leadership.ts'
import type { TermDeps } from '../../mic/term.ts'
import { silentLog } from '../../telemetry/log.ts'
import { drainAll } from './drain.ts'

/** Leads at once, and ends quietly when told to stop, as the election does. */
const alone: Leadership = {
  async contend(lead, signal) {
    try {
      await lead(signal)
    } catch (thrown) {
      if (!signal.aborted) throw thrown
    }
  },
}

const stores = { start: () => Promise.resolve(), stop: () => Promise.resolve() }

async function usedWorld() {
  const taken: TermDeps[] = []
  const world = makeMicWorld({
    wrap: (deps) => {
      taken.push(deps)
      return deps
    },
  })
  world.arm.addGroup(vmssId('pool'))
  world.cluster.put('nodes', vmssNode('pool', 0))
  world.addIdentity('shop')
  world.cluster.put('pods', makePod({ nodeName: 'pool-0' }))
  await world.startMic().kill()
  const [deps] = taken
  assert.ok(deps !== undefined)
  return { ...world, deps }
}

test('a drain that is stopped ends, and says that it has to be run again', async () => {
  const { clock, deps } = await usedWorld()
  const stop = new AbortController()
  const draining = drainAll({
    deps,
    leadership: alone,
    stores,
    timeoutMs: 60_000,
    log: silentLog,
    stop: stop.signal,
  })
  const ended = assert.rejects(draining, /run it again/)
  await clock.advance(0)
  stop.abort(new Error('SIGTERM'))
  await ended
})

test('a drain that cannot be done fails with its reason', async () => {
  const { deps } = await usedWorld()
  const broken: TermDeps = {
    ...deps,
    records: { ...deps.records, load: () => Promise.reject(new Error('403')) },
  }
  const draining = drainAll({
    deps: broken,
    leadership: alone,
    stores,
    timeoutMs: 0,
    log: silentLog,
    stop: new AbortController().signal,
  })
  await assert.rejects(draining, /403/)
})
