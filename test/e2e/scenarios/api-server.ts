/** The emulated API server and podid's own client, measured by a real one. */
import assert from 'node:assert/strict'
import type { BreakableServer } from '../../kube-cases/breakable-server.ts'
import { runLifeCases, runServerCases } from '../../kube-cases/case-runner.ts'
import { startKubeServer } from '../kube-server.ts'
import type { Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

async function onServer(
  world: World,
  run: (server: BreakableServer) => Promise<readonly string[]>,
): Promise<void> {
  const server = await startKubeServer(world.clock, (line) => world.say(line))
  try {
    assert.deepEqual(await run(server), [])
  } finally {
    await server.close()
  }
}

const cases: Scenario = {
  name: 'api-server-cases',
  proves:
    'what the tests ask of the emulated API server, a real one does too, it still answers as it was recorded, and chance finds no difference between the two',
  deadlineSeconds: 900,
  run: (_place, world) => onServer(world, runServerCases),
}

const life: Scenario = {
  name: 'api-server-life',
  proves:
    "podid's stores and leader locks go on over an API server that is killed, forgets its history, or is set back to an older state",
  deadlineSeconds: 600,
  run: (_place, world) => onServer(world, runLifeCases),
}

export const API_SERVER: readonly Scenario[] = [cases, life]
