import { ArmError, type GroupIdentities } from '../azure/arm.ts'
import { assignableId } from '../model/assigned.ts'
import { type ComputeGroup, parseManagedIdentityId } from '../model/resource-id.ts'
import type { Arm } from './arm.ts'
import type { Protection } from './protection.ts'
import type { Wanted } from './wanted.ts'

export interface RecreatedDeps {
  readonly tools: { readonly arm: Arm; readonly signal: AbortSignal }
  readonly wanted: Wanted
  readonly protection: Protection
}

/** Reads of identities for this question at one look: a wrong client id in many objects must not flood ARM. */
const MOST_READS = 10

/**
 * Wanted identities that were deleted and made again under the same name: the group still holds the old
 * principal, for which no token is issued any more. They must be taken off and put on again, in two
 * requests. The sign is a client id on the group that differs from that of the
 * AzureIdentity; a read of the identity tells it from a typing error there.
 */
export async function recreatedIdentities(
  deps: RecreatedDeps,
  group: ComputeGroup,
  observed: GroupIdentities,
): Promise<readonly string[]> {
  const recreated: string[] = []
  let reads = 0
  for (const [id, pods] of deps.wanted.inGroup(group.id)) {
    const present = observed.identities.get(id)
    if (present === undefined || present.clientId === '' || reads >= MOST_READS) continue
    if (!someoneExpectsAnother(deps, id, pods, present.clientId)) continue
    if (deps.protection.of(id, present) === 'protected') continue
    reads += 1
    const actual = await readIdentity(deps, id)
    // An answer without a client id proves nothing, and taking an identity off on no proof stops its pods.
    if (actual !== undefined && actual !== '' && actual.toLowerCase() !== present.clientId.toLowerCase()) {
      recreated.push(id)
    }
  }
  return recreated
}

/** Looks at one pod of each AzureIdentity at most a few times: all pods of one AzureIdentity expect the same. */
function someoneExpectsAnother(
  { wanted }: RecreatedDeps,
  id: string,
  pods: ReadonlySet<string>,
  clientId: string,
): boolean {
  let looked = 0
  for (const podKey of pods) {
    for (const each of wanted.of(podKey)) {
      if (assignableId(each.identity) !== id) continue
      const expected = each.identity.clientId.trim().toLowerCase()
      if (expected !== '' && expected !== clientId.toLowerCase()) return true
    }
    looked += 1
    if (looked >= MOST_PODS) return false
  }
  return false
}

const MOST_PODS = 50

async function readIdentity({ tools }: RecreatedDeps, id: string): Promise<string | undefined> {
  const parsed = parseManagedIdentityId(id)
  if (parsed === undefined) return undefined
  try {
    return (await tools.arm.getIdentity(parsed, tools.signal)).clientId
  } catch (thrown) {
    if (thrown instanceof ArmError) return undefined
    throw thrown
  }
}
