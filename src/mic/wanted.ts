import type { DesiredAssignment } from './desired.ts'

type PodsById = Map<string, Set<string>>

const NOBODY: ReadonlyMap<string, ReadonlySet<string>> = new Map()
const NOTHING: readonly DesiredAssignment[] = []

/**
 * What every pod is to have, kept up to date pod by pod, and its reverse: which identities a VM or scale
 * set must hold, and for whom. An update costs the pod's own assignments, whatever the cluster's size.
 */
export class Wanted {
  readonly #byPod = new Map<string, readonly DesiredAssignment[]>()
  readonly #byGroup = new Map<string, PodsById>()

  /** Takes in a pod's assignments; returns the groups where an identity is wanted by its first or no longer by any pod. */
  set(podKey: string, desired: readonly DesiredAssignment[]): ReadonlySet<string> {
    const touched = new Set<string>()
    const before = this.#byPod.get(podKey) ?? NOTHING
    if (desired.length === 0) this.#byPod.delete(podKey)
    else this.#byPod.set(podKey, desired)
    const kept = new Set(desired.map(slotOf))
    for (const each of before) if (!kept.has(slotOf(each))) this.#remove(podKey, each, touched)
    for (const each of desired) this.#add(podKey, each, touched)
    return touched
  }

  of(podKey: string): readonly DesiredAssignment[] {
    return this.#byPod.get(podKey) ?? NOTHING
  }

  pods(): IterableIterator<string> {
    return this.#byPod.keys()
  }

  /** By canonical identity id, the keys of the pods that want it on this VM or scale set. */
  inGroup(groupId: string): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#byGroup.get(groupId) ?? NOBODY
  }

  groups(): IterableIterator<string> {
    return this.#byGroup.keys()
  }

  #add(podKey: string, { armId, group }: DesiredAssignment, touched: Set<string>): void {
    if (armId === undefined || group === undefined) return
    const ids = this.#byGroup.get(group.id) ?? new Map<string, Set<string>>()
    this.#byGroup.set(group.id, ids)
    const pods = ids.get(armId)
    if (pods !== undefined) {
      pods.add(podKey)
      return
    }
    ids.set(armId, new Set([podKey]))
    touched.add(group.id)
  }

  #remove(podKey: string, { armId, group }: DesiredAssignment, touched: Set<string>): void {
    if (armId === undefined || group === undefined) return
    const ids = this.#byGroup.get(group.id)
    const pods = ids?.get(armId)
    if (ids === undefined || pods?.delete(podKey) !== true || pods.size > 0) return
    ids.delete(armId)
    if (ids.size === 0) this.#byGroup.delete(group.id)
    touched.add(group.id)
  }
}

function slotOf({ armId, group }: DesiredAssignment): string {
  return armId === undefined || group === undefined ? '' : `${group.id} ${armId}`
}
