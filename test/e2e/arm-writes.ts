/** What MIC wrote to ARM, from the journal of the emulated Azure. */
import type { World } from './world.ts'

export interface IdentityPatch {
  readonly type: string
  /** Lower-case ids. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

interface PatchBody {
  readonly identity?: {
    readonly type?: string
    readonly userAssignedIdentities?: Readonly<Record<string, object | null>>
  }
}

/** PATCHes of a scale set, oldest first. */
export function identityPatches(world: World, resource: string): IdentityPatch[] {
  const { key } = world.compute(resource)
  const found: IdentityPatch[] = []
  for (const { method, target, body } of world.azure.journal.requests) {
    if (method !== 'PATCH' || !target.toLowerCase().startsWith(`${key}?`)) continue
    const { type = '', userAssignedIdentities = {} } = (body as PatchBody | undefined)?.identity ?? {}
    const entries = Object.entries(userAssignedIdentities)
    found.push({
      type,
      added: entries.filter(([, value]) => value !== null).map(([id]) => id.toLowerCase()),
      removed: entries.filter(([, value]) => value === null).map(([id]) => id.toLowerCase()),
    })
  }
  return found
}
