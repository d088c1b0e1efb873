import type { Clock } from '../../base/clock.ts'
import { errorText } from '../../base/errors.ts'
import type { Owner } from '../../base/lifecycle.ts'
import type { Store } from '../../kube/store.ts'
import type { Pod } from '../../model/resources.ts'
import type { CallerProof } from '../../nmi/caller.ts'
import { createBridgeGuard } from '../../nmi/link/bridge-guard.ts'
import { readGuards, removeGuards } from '../../nmi/link/bridge-rules.ts'
import { guardedProof } from '../../nmi/link/guarded-proof.ts'
import { createLinkAges } from '../../nmi/link/link-ages.ts'
import { createLinkFiles } from '../../nmi/link/link-files.ts'
import { createLinkProof } from '../../nmi/link/link-proof.ts'
import { createLinkTable } from '../../nmi/link/link-table.ts'
import { createCommandRunner } from '../../nmi/redirect/command-runner.ts'
import type { Log } from '../../telemetry/log.ts'

/**
 * The proof by the node's network devices, from now on: make it before the first pod is told. With `guard`, pods on a
 * bridge are guarded by rules of the kernel, too.
 */
export function startCallerProof(deps: {
  readonly pods: Store<Pod>
  readonly clock: Clock
  readonly log: Log
  readonly owner: Owner
  /** How pods know IMDS. */
  readonly guard?: { readonly metadataIp: string } | undefined
}): CallerProof {
  const { pods, clock, log, owner } = deps
  const files = createLinkFiles()
  const proof = createLinkProof({
    pods,
    table: createLinkTable({ files, clock }),
    ages: createLinkAges({ files, clock }),
    clock,
    log,
  })
  owner.own(() => proof.stop())
  proof.start()
  if (deps.guard === undefined) return proof
  const run = createCommandRunner(clock)
  const guard = createBridgeGuard({ places: () => proof.guardable(), run, clock, log, ...deps.guard })
  owner.own(() => guard.stop())
  guard.start()
  return guardedProof(proof, guard)
}

/** Takes the guards of all agents off the node. @returns what was done; a node without ebtables has none to lose */
export async function removeBridgeGuards(clock: Clock): Promise<readonly string[]> {
  const run = createCommandRunner(clock)
  try {
    const names = await readGuards(run)
    await removeGuards(run, names)
    return names.length === 0 ? [] : ['the guard of pods on bridges is removed']
  } catch (thrown) {
    return [`no guard of pods on bridges is removed: ${errorText(thrown)}`]
  }
}
