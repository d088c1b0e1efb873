import { assignableId } from '../model/assigned.ts'
import type { Log } from '../telemetry/log.ts'
import type { MicConfig } from './config.ts'
import type { Ledger, Origin } from './ownership.ts'
import type { World } from './world.ts'

/** Subject of the record that says that adoption has happened; no VM and no scale set has such an id. */
const DONE = 'existing-assignments'

/**
 * With `--adopt-existing-assignments`: the identities of AzureAssignedIdentity objects on VMs and scale
 * sets that podid has no record of yet count as added by podid. Those objects are of AAD Pod Identity,
 * which took an identity off when its last pod went, whoever had put it there. Without the flag podid
 * leaves them, because nothing proves that they were not there before: an identity too many is a
 * smaller harm than a kubelet that lost its own. It happens once: later such objects are podid's too, also
 * those of identities that were on the node before it, which it must never take off.
 */
export async function adoptExisting(
  deps: { config: MicConfig; world: World; ledger: Ledger; log: Log },
  signal: AbortSignal,
): Promise<void> {
  if (!deps.config.adoptExisting || deps.ledger.origin(DONE, 'adopted') !== undefined) return
  const recorded = new Set(deps.ledger.groups())
  const adopted = new Map<string, Map<string, Origin>>()
  for (const object of deps.world.stores.assigned.values()) {
    const group = deps.world.placement(object.nodeName)?.group
    const armId = assignableId(object.identity)
    if (group === undefined || armId === undefined || recorded.has(group.id)) continue
    const ids = adopted.get(group.id) ?? new Map<string, Origin>()
    adopted.set(group.id, ids.set(armId, 'added'))
  }
  for (const [groupId, record] of adopted) {
    await deps.ledger.change(groupId, { record }, signal)
    deps.log.info({ group: groupId, identities: [...record.keys()] }, 'existing assignments adopted')
  }
  await deps.ledger.change(DONE, { record: new Map([['adopted', 'found']]) }, signal)
}
