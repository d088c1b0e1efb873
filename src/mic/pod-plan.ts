import { assignedIdentityName, suffixedName } from '../model/assigned.ts'
import { objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import type { DesiredAssignment } from './desired.ts'

/** An assignment and the object that stands for it, if there is one. */
export interface Slot {
  readonly desired: DesiredAssignment
  readonly name: string
  /** Undefined: to be created. */
  readonly object: AzureAssignedIdentity | undefined
  /** An object that is on its way out has the name: wait for its end. */
  readonly blocked: boolean
}

export interface PodPlan {
  readonly slots: readonly Slot[]
  /** Objects that stand for nothing any more. */
  readonly release: readonly AzureAssignedIdentity[]
}

/** Looks up any AzureAssignedIdentity by `namespace/name`. */
export type ObjectLookup = (key: string) => AzureAssignedIdentity | undefined

/**
 * Pairs what a pod is to have with the objects that exist for it. An existing object keeps its name,
 * whatever it is; a new one takes the plain name, or, when another pod or identity holds that, the one
 * with a hash. Pure.
 */
export function planPod(
  desired: readonly DesiredAssignment[],
  objects: readonly AzureAssignedIdentity[],
  lookup: ObjectLookup,
): PodPlan {
  const left = new Set([...objects].sort(byAge))
  const claimed = new Set<string>()
  const paired = desired.map((each) => {
    const object = [...left].find((candidate) => isFor(candidate, each))
    if (object !== undefined) {
      left.delete(object)
      claimed.add(objectKey(object.namespace, object.name))
    }
    return { desired: each, object }
  })
  const slots = paired.map(({ desired: each, object }): Slot => {
    if (object !== undefined) return { desired: each, name: object.name, object, blocked: false }
    const name = freeName(each, lookup, claimed)
    claimed.add(objectKey(each.namespace, name))
    const holder = lookup(objectKey(each.namespace, name))
    return { desired: each, name, object: undefined, blocked: holder !== undefined }
  })
  return { slots, release: [...left] }
}

/** True when the object was made for this pod's use of this identity, and is not on its way out. */
function isFor(object: AzureAssignedIdentity, desired: DesiredAssignment): boolean {
  return !object.deleting && object.namespace === desired.namespace && standsFor(object, desired)
}

function standsFor(object: AzureAssignedIdentity, desired: DesiredAssignment): boolean {
  return (
    object.pod === desired.pod &&
    object.podNamespace === desired.podNamespace &&
    object.identity.name === desired.identity.name &&
    object.identity.namespace === desired.identity.namespace
  )
}

function freeName(desired: DesiredAssignment, lookup: ObjectLookup, claimed: ReadonlySet<string>): string {
  const plain = assignedIdentityName(desired.pod, desired.podNamespace, desired.identity)
  const key = objectKey(desired.namespace, plain)
  const holder = lookup(key)
  const isFree = !claimed.has(key) && (holder === undefined || standsFor(holder, desired))
  return isFree ? plain : suffixedName(desired.pod, desired.podNamespace, desired.identity)
}

/** The plain name before one with a hash, then by name: the same choice after every restart. */
function byAge(a: AzureAssignedIdentity, b: AzureAssignedIdentity): number {
  return a.name.length - b.name.length || (a.name < b.name ? -1 : 1)
}
