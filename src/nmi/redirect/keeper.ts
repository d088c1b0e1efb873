import { type Backend, readRules, writeRules } from './backend.ts'
import type { CommandRunner } from './command-runner.ts'
import type { HostFiles } from './host-files.ts'
import { type Fault, faultsOf, removalInput, repairInput } from './plan.ts'
import { ensureRouteLocalnet, routeLocalnetIsOn } from './route-localnet.ts'
import { GUARD_CHAIN, type WantedChain } from './rules.ts'
import type { SavedTables } from './saved-rules.ts'

export interface KeeperOptions {
  readonly run: CommandRunner
  readonly files: HostFiles
  readonly backend: Backend
  readonly wanted: readonly WantedChain[]
}

/** What one look at the rules found and did. */
export interface KeepResult {
  /** Empty when nothing had to be done. */
  readonly faults: readonly Fault[]
  /** Whether route_localnet had to be switched on. */
  readonly localnetChanged: boolean
  /** The guard in table raw cannot be written; tolerated where the node had route_localnet on before us. */
  readonly unguarded: boolean
  /** The last error of a write, if there was one. */
  readonly failure: unknown
}

/** Somebody else changed the table between our look and our write: look again, this often at most. */
const ATTEMPTS = 3

/**
 * Makes the rules what they should be, and looks again at what the kernel then has.
 * @throws Error when they are still wrong, or cannot be read or written.
 */
export async function keepRules(options: KeeperOptions, signal?: AbortSignal): Promise<KeepResult> {
  const { run, backend, wanted } = options
  const first = await readRules(run, backend, signal)
  const faults = allFaults(wanted, first)
  let saved = first
  let failure: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const input = repairInput(wanted, saved)
    if (input === undefined) break
    failure = await writeRules(run, backend, input, signal).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    saved = await readRules(run, backend, signal)
  }
  const left = wanted.filter((chain) => faultsOf(chain, saved).length > 0)
  const unguarded = left.some((chain) => chain.name === GUARD_CHAIN)
  const tolerable = unguarded && left.length === 1 && (await routeLocalnetIsOn(options.files))
  if (left.length > 0 && !tolerable) {
    const what = left.map((chain) => `${chain.name}: ${faultsOf(chain, saved).join(', ')}`).join('; ')
    throw new Error(`the redirect rules are wrong (${what}) and could not be mended`, { cause: failure })
  }
  // Only behind the guard: what podid switches on must not open the node's loopback.
  const behindGuard = !unguarded && wanted.some((chain) => chain.name === GUARD_CHAIN)
  const localnetChanged = behindGuard && (await ensureRouteLocalnet(options.files))
  return { faults, localnetChanged, unguarded, failure }
}

/** Removes every chain of ours under one backend. Returns whether there was any. @throws Error. */
export async function removeRules(run: CommandRunner, backend: Backend): Promise<boolean> {
  let failure: unknown
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const input = removalInput(await readRules(run, backend))
    if (input === undefined) return attempt > 0
    failure = await writeRules(run, backend, input).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
  }
  if (removalInput(await readRules(run, backend)) === undefined) return true
  throw new Error('the rules could not be removed', { cause: failure })
}

function allFaults(wanted: readonly WantedChain[], saved: SavedTables): Fault[] {
  return wanted.flatMap((chain) => faultsOf(chain, saved))
}
