/** What was asked of Azure for one identity, as the emulator's journal has it. */
import type { RequestRecord } from '../../emulator/azure/state/journal.ts'
import type { Identity } from './place.ts'
import type { World } from './world.ts'

export interface IdentityPatches {
  /** Changes that put it on a VM or scale set. */
  readonly additions: readonly RequestRecord[]
  /** Changes that took it off. */
  readonly removals: readonly RequestRecord[]
}

interface PatchBody {
  readonly identity?: { readonly userAssignedIdentities?: Readonly<Record<string, object | null>> }
}

/** The changes of VMs and scale sets that Azure accepted. */
export function patchesOf(world: World, { id }: Identity): IdentityPatches {
  const changes = startedPatches(world, id).filter(({ status = 0 }) => status >= 200 && status < 300)
  return {
    additions: changes.filter((each) => valueIn(each, id) !== null),
    removals: changes.filter((each) => valueIn(each, id) === null),
  }
}

/** Those that are not answered yet, too. */
export function startedPatches(world: World, id: string): RequestRecord[] {
  return world.azure.journal.requests.filter(
    (each) => each.service === 'arm' && each.method === 'PATCH' && valueIn(each, id) !== undefined,
  )
}

function valueIn({ body }: RequestRecord, id: string): object | null | undefined {
  const { identity } = (body ?? {}) as PatchBody
  const found = Object.entries(identity?.userAssignedIdentities ?? {}).find(
    ([key]) => key.toLowerCase() === id.toLowerCase(),
  )
  return found?.[1]
}
