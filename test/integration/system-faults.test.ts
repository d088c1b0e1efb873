import { after, before, describe } from 'node:test'
import { type System, startSystem } from '../harness/system-world.ts'
import { loadBrokenChains, testChain } from './system-chain.ts'
import { testApiRestart, testWatchFaults } from './system-kube-faults.ts'
import { loadNonsense, testNonsense } from './system-nonsense.ts'
import { testPrincipals } from './system-principals.ts'
import { testRestarts } from './system-restarts.ts'
import { testRevocation } from './system-revocation.ts'
import { testRights } from './system-rights.ts'
import { testUpstreamFaults } from './system-upstream-faults.ts'

/** A whole run, not one step of it: about half a minute. */
const LONGEST_MS = 240_000

describe('the whole product under bad input and faults', { timeout: LONGEST_MS }, () => {
  let running: System | undefined
  const system = (): System => {
    if (running === undefined) throw new Error('the system did not start')
    return running
  }
  before(async () => {
    running = await startSystem()
    await Promise.all([running.startNmi({ flags: ['--hold-limit=1s'] }), running.startMic('mic-a')])
    loadBrokenChains(running)
    loadNonsense(running)
  })
  after(() => running?.close())

  testChain(system)
  testNonsense(system)
  const testUnreadable = testPrincipals(system)
  testApiRestart(system)
  testWatchFaults(system, 0)
  testUpstreamFaults(system)
  testUnreadable()
  testWatchFaults(system, 1)
  testRevocation(system)
  testRestarts(system)
  // Last: it looks back at everything that was said and asked.
  testRights(system)
})
