/**
 * `npm run e2e [-- <scenario>...] [--smoke] [--shape routed|bridge] [--keep] [--list]`: podid on a real
 * Kubernetes. Prints what each scenario proves, and closes with a line "N passed, N failed".
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { errorText } from '../../src/base/errors.ts'
import { appImage } from './app-image.ts'
import { startCluster } from './cluster/cluster.ts'
import { MACHINES } from './cluster/cluster-azure.ts'
import type { Shape } from './cluster/node-config.ts'
import { probeCluster } from './cluster/probe.ts'
import { type Order, readOrder } from './command-line.ts'
import { installCsiDriver, KEY_VAULT_SYNC, KEY_VAULT_VALUES } from './csi-driver/csi-driver.ts'
import { driverImages } from './csi-driver/driver-images.ts'
import { podidImage } from './podid-image.ts'
import { type Outcome, runScenario } from './run-scenario.ts'
import type { Scenario } from './scenario.ts'
import { SCENARIOS } from './scenarios.ts'
import { createWorld, type World } from './world.ts'

/** Scenarios that run beside each other: they mostly wait. */
const BESIDE = 4

const LOGS = join(import.meta.dirname, '..', '..', 'e2e-logs')
const clock = systemClock
const outcomes: Outcome[] = []

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Undefined when it makes no sense, and the reason is printed. */
function orderGiven(): Order | undefined {
  try {
    return readOrder(process.argv.slice(2), SCENARIOS)
  } catch (thrown) {
    process.stderr.write(`${errorText(thrown)}\n`)
    return undefined
  }
}

async function main(order: Order): Promise<number> {
  if (order.list) {
    for (const { name, proves } of order.scenarios) say(`${name.padEnd(36)} ${proves}`)
    return 0
  }
  const missing = await probeCluster(clock)
  if (missing.length > 0) {
    say(
      `This machine cannot run the cluster. Missing: ${missing.join('; ')}. scripts/install-system.sh installs packages.`,
    )
    return 1
  }
  const images = [await podidImage(clock, say), await appImage(clock)]
  for (const shape of order.shapes) {
    const here = order.scenarios.filter(({ shapes = ['routed'] }) => shapes.includes(shape))
    for (const keyVault of [false, true]) {
      const mine = here.filter((each) => (each.keyVault ?? false) === keyVault)
      const shared = mine.filter(({ ownCluster = false }) => !ownCluster)
      const explored = keep && order.scenarios.length === 0 && !keyVault && shape === order.shapes[0]
      if (shared.length > 0 || explored)
        await onCluster({ shape, images, installed: true, keyVault }, async (world) => {
          await together(
            world,
            shared.filter(({ alone = false }) => !alone),
          )
          for (const each of shared.filter(({ alone = false }) => alone)) await one(world, each)
          if (keep) await untilEnded(world)
        })
      for (const each of mine.filter(({ ownCluster = false }) => ownCluster))
        await onCluster({ shape, images, installed: false, keyVault }, (world) => one(world, each))
    }
  }
  const failed = outcomes.filter(({ error }) => error !== undefined)
  say('')
  for (const { scenario, shape, error } of failed)
    say(`failed: ${scenario.name} (${shape}): ${errorText(error)}`)
  say(`${outcomes.length - failed.length} passed, ${failed.length} failed`)
  return failed.length === 0 ? 0 : 1
}

interface ClusterOrder {
  readonly shape: Shape
  readonly images: readonly string[]
  readonly installed: boolean
  /** With the CSI driver, and podid as its provider. */
  readonly keyVault: boolean
}

async function onCluster(
  { shape, images, installed, keyVault }: ClusterOrder,
  use: (world: World) => Promise<void>,
): Promise<void> {
  const more = keyVault ? await driverImages({ clock, say }) : []
  const started = clock.monotonic()
  const cluster = await startCluster({
    shape,
    images: [...images, ...more],
    machines: MACHINES,
    say,
    clock,
    ...(keyVault ? { syncFrequency: KEY_VAULT_SYNC } : {}),
  })
  const world = createWorld(cluster, say)
  try {
    if (installed && keyVault) await installCsiDriver(world)
    if (installed) await world.podid.install(keyVault ? KEY_VAULT_VALUES : {})
    const what = `${installed ? ' with podid' : ''}${keyVault ? ' for Key Vault' : ''}`
    say(
      `\n${shape} network: ${cluster.nodes.length} nodes${what} after ${seconds(clock.monotonic() - started)}`,
    )
    await use(world)
  } catch (thrown) {
    await cluster.saveLogs(join(LOGS, `${shape}-cluster`))
    throw thrown
  } finally {
    await world.podid.close()
    await cluster.close()
  }
}

async function together(world: World, scenarios: readonly Scenario[]): Promise<void> {
  const waiting = [...scenarios]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(world, next)
  }
  await Promise.all(Array.from({ length: BESIDE }, lane))
}

async function one(world: World, scenario: Scenario): Promise<void> {
  const outcome = await runScenario(world, scenario)
  outcomes.push(outcome)
  const { error, ms, place } = outcome
  say(`${error === undefined ? 'ok    ' : 'FAILED'} ${scenario.name} (${seconds(ms)}): ${scenario.proves}`)
  if (error === undefined) return
  const folder = join(LOGS, `${world.cluster.shape}-${scenario.name}`)
  await mkdir(folder, { recursive: true })
  await world.cluster.saveLogs(folder)
  say(`       ${error.stack ?? error.message}\n       logs of all parts: ${folder}`)
  // Its pods are in the way of the next ones; --keep is for who wants to look at them.
  if (!keep) await place.close().catch((thrown: unknown) => say(`       ${errorText(thrown)}`))
}

async function untilEnded(world: World): Promise<void> {
  say(
    `\nThe cluster runs until Ctrl-C. In another shell:\n  export KUBECONFIG=${world.cluster.kubeconfig}\n  kubectl get pods -A`,
  )
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGINT', resolve)
  process.once('SIGTERM', resolve)
  await promise
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

const order = orderGiven()
const keep = order?.keep ?? false
process.exitCode = order === undefined ? 2 : await main(order)
