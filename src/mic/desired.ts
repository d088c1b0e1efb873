import { assignableId, assignedIdentityNamespace } from '../model/assigned.ts'
import type { Match, MatchRules } from '../model/match.ts'
import { BINDING_LABEL, objectKey } from '../model/names.ts'
import type { ComputeGroup } from '../model/resource-id.ts'
import { type AzureIdentity, type AzureIdentityBinding, isLive, type Pod } from '../model/resources.ts'
import type { Placement } from './world.ts'

/** One identity that one pod is to have: becomes one AzureAssignedIdentity. */
export interface DesiredAssignment {
  readonly pod: string
  readonly podNamespace: string
  readonly podUid: string
  readonly nodeName: string
  readonly identity: AzureIdentity
  readonly binding: AzureIdentityBinding
  /** Namespace of the AzureAssignedIdentity. */
  readonly namespace: string
  /** Canonical ARM id that must be on the VM or scale set; undefined for service principals. */
  readonly armId: string | undefined
  /** Undefined when the node's provider id is no VM and no scale set. */
  readonly group: ComputeGroup | undefined
}

/** True when the pod may need identities: it has the label, a node, and has not finished. */
export function asksForIdentity(pod: Pod): boolean {
  return isLive(pod) && pod.nodeName !== '' && (pod.labels[BINDING_LABEL] ?? '') !== ''
}

/**
 * The assignments of one pod, in the stable order of its matches. Two bindings to one identity give one
 * assignment, through the first of them. Pure.
 */
export function desiredAssignments(
  pod: Pod,
  matches: readonly Match[],
  placement: Placement | undefined,
  rules: MatchRules,
): readonly DesiredAssignment[] {
  // A node that is not there (yet, or any more) has no identities; its own event brings the pod back.
  if (placement === undefined || !asksForIdentity(pod)) return []
  const seen = new Set<string>()
  const desired: DesiredAssignment[] = []
  for (const { identity, binding } of matches) {
    const key = objectKey(identity.namespace, identity.name)
    if (seen.has(key)) continue
    seen.add(key)
    desired.push({
      pod: pod.name,
      podNamespace: pod.namespace,
      podUid: pod.uid,
      nodeName: pod.nodeName,
      identity,
      binding,
      namespace: assignedIdentityNamespace(identity, rules.forceNamespaced),
      armId: assignableId(identity),
      group: placement.group,
    })
  }
  return desired
}
