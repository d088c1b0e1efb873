import type { Clock } from '../../base/clock.ts'
import type { Owner } from '../../base/lifecycle.ts'
import type { Store } from '../../kube/store.ts'
import type { Pod } from '../../model/resources.ts'
import type { CallerProof } from '../../nmi/caller.ts'
import { createLinkAges } from '../../nmi/link/link-ages.ts'
import { createLinkFiles } from '../../nmi/link/link-files.ts'
import { createLinkProof } from '../../nmi/link/link-proof.ts'
import { createLinkTable } from '../../nmi/link/link-table.ts'
import type { Log } from '../../telemetry/log.ts'

/** The proof by the node's network devices, from now on: make it before the first pod is told. */
export function startCallerProof(deps: {
  readonly pods: Store<Pod>
  readonly clock: Clock
  readonly log: Log
  readonly owner: Owner
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
  return proof
}
