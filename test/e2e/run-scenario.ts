import { asError } from '../../src/base/errors.ts'
import type { Shape } from './cluster/node-config.ts'
import { Place } from './place.ts'
import type { Scenario } from './scenario.ts'
import type { World } from './world.ts'

export interface Outcome {
  readonly scenario: Scenario
  readonly shape: Shape
  /** Gone with all that was in it when the scenario passed; still there when it failed. */
  readonly place: Place
  readonly ms: number
  readonly error?: Error
}

const DEADLINE_SECONDS = 240

/** Runs one scenario in a namespace of its own. Never throws. */
export async function runScenario(world: World, scenario: Scenario): Promise<Outcome> {
  const { clock, cluster } = world
  const started = clock.monotonic()
  const place = new Place(world, scenario.name)
  const played = { scenario, shape: cluster.shape, place }
  const seconds = scenario.deadlineSeconds ?? DEADLINE_SECONDS
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = clock.after(seconds * 1000, () => reject(new Error(`not done within ${seconds} s`)))
  try {
    await Promise.race([play(place, world, scenario), late])
    return { ...played, ms: clock.monotonic() - started }
  } catch (thrown) {
    return { ...played, ms: clock.monotonic() - started, error: asError(thrown) }
  } finally {
    timer.cancel()
  }
}

async function play(place: Place, world: World, scenario: Scenario): Promise<void> {
  await place.open()
  await scenario.run(place, world)
  await place.close()
}
