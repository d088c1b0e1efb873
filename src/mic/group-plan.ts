import type { GroupIdentities, IdentityPatch } from '../azure/arm.ts'
import type { Origin } from './ownership.ts'

/** ARM refuses a request with more identities than this. */
const MOST_KEYS = 150

/** What is to become of a VM's or scale set's identities: wanted against what is there. All ids canonical. */
export interface GroupChange {
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export interface GroupWorld {
  /** Every identity that a live pod of the group is bound to. */
  readonly wanted: ReadonlySet<string>
  readonly present: ReadonlySet<string>
  readonly origin: (id: string) => Origin | undefined
  /** Immutable, the cluster's own, or the one MIC logs in with. */
  readonly isProtected: (id: string) => boolean
  /** Set apart after a failure: not tried now. */
  readonly isApart: (id: string) => boolean
}

/**
 * The least change that makes the group right: what is wanted and missing is added; what podid itself
 * added and nobody wants is removed. Nothing else is touched. Pure.
 */
export function planGroup(world: GroupWorld): GroupChange {
  const add = [...world.wanted].filter((id) => !world.present.has(id) && !world.isApart(id))
  const remove = [...world.present].filter(
    (id) =>
      !world.wanted.has(id) && world.origin(id) === 'added' && !world.isProtected(id) && !world.isApart(id),
  )
  return { add: add.sort(), remove: remove.sort() }
}

/** Recorded identities that the group does not hold and nobody wants: nothing is left to remember them for. */
export function staleRecords(
  recorded: Iterable<readonly [string, Origin]>,
  wanted: ReadonlySet<string>,
  present: ReadonlySet<string>,
): readonly string[] {
  const stale: string[] = []
  for (const [id, origin] of recorded) {
    // `found` guards an identity against removal only while podid handles it.
    if (!wanted.has(id) && (origin === 'found' || !present.has(id))) stale.push(id)
  }
  return stale
}

/** Cuts a change into parts that ARM takes in one request, removals first: they make room. */
export function slicesOf(change: GroupChange): readonly GroupChange[] {
  const keys = [
    ...change.remove.map((id) => ({ id, add: false })),
    ...change.add.map((id) => ({ id, add: true })),
  ]
  const slices: GroupChange[] = []
  for (let start = 0; start < keys.length; start += MOST_KEYS) {
    const part = keys.slice(start, start + MOST_KEYS)
    slices.push({
      add: part.filter((key) => key.add).map((key) => key.id),
      remove: part.filter((key) => !key.add).map((key) => key.id),
    })
  }
  return slices
}

/** The request for a change, seen from what the group holds now. */
export function patchFor(change: GroupChange, observed: GroupIdentities): IdentityPatch {
  const left = new Set(observed.identities.keys())
  for (const id of change.remove) left.delete(id)
  for (const id of change.add) left.add(id)
  return { ...change, systemAssigned: observed.systemAssigned, empties: left.size === 0 }
}

/** What the group holds after a change that succeeded. Client ids of what was added are unknown until a later look. */
export function afterChange(change: GroupChange, observed: GroupIdentities): GroupIdentities {
  const identities = new Map(observed.identities)
  for (const id of change.remove) identities.delete(id)
  for (const id of change.add) identities.set(id, { clientId: '', principalId: '' })
  return { ...observed, identities }
}
