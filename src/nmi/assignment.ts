import { objectKey } from '../model/names.ts'
import { type Refusal, refuse } from '../model/refusal.ts'
import { canonicalResourceId } from '../model/resource-id.ts'
import type { AzureAssignedIdentity, AzureIdentity, Pod } from '../model/resources.ts'

/** How far MIC has come with one identity of one pod. */
export type Assignment =
  | { readonly kind: 'assigned' }
  | { readonly kind: 'pending'; readonly refusal: Refusal; readonly objectExists: boolean }
  | { readonly kind: 'failed'; readonly refusal: Refusal }

/**
 * Judges MIC's objects of a pod for one identity. Assigned is only what an object says that is not
 * being deleted and was written for this very identity: a recreated one of the same name has another
 * client id, and its old object says nothing about it.
 */
export function assignmentOf(
  pod: Pod,
  identity: AzureIdentity,
  objects: Iterable<AzureAssignedIdentity>,
): Assignment {
  let best: Assignment = pending(pod, identity, 'there is no AzureAssignedIdentity for it yet', false)
  for (const object of objects) {
    if (!isAbout(object, pod, identity)) continue
    const judged = judge(object, pod, identity)
    if (judged.kind === 'assigned') return judged
    if (best.kind === 'pending' && !best.objectExists) best = judged
  }
  return best
}

function isAbout(object: AzureAssignedIdentity, pod: Pod, identity: AzureIdentity): boolean {
  return (
    object.pod === pod.name &&
    object.podNamespace === pod.namespace &&
    object.identity.namespace === identity.namespace &&
    object.identity.name === identity.name
  )
}

function judge(object: AzureAssignedIdentity, pod: Pod, identity: AzureIdentity): Assignment {
  const name = objectKey(object.namespace, object.name)
  if (object.problems.length > 0) {
    return pending(pod, identity, `AzureAssignedIdentity ${name} is malformed: ${object.problems.join('; ')}`)
  }
  if (object.deleting || object.state === 'Unassigned') {
    return pending(pod, identity, `AzureAssignedIdentity ${name} is being removed`)
  }
  if (!isSameIdentity(object.identity, identity)) {
    return pending(pod, identity, `AzureAssignedIdentity ${name} is for an older version of the identity`)
  }
  if (object.state === 'Assigned' || object.state === '') return { kind: 'assigned' }
  if (object.reason !== '') return { kind: 'failed', refusal: failure(object, pod, identity) }
  return pending(pod, identity, `AzureAssignedIdentity ${name} is in state Created`)
}

function isSameIdentity(a: AzureIdentity, b: AzureIdentity): boolean {
  return (
    a.type === b.type && isSameClient(a.clientId, b.clientId) && isSameResource(a.resourceId, b.resourceId)
  )
}

/** Mostly letter for letter the same, which is cheaper to find out: this is asked on every request. */
function isSameClient(a: string, b: string): boolean {
  return a === b || a.trim().toLowerCase() === b.trim().toLowerCase()
}

function isSameResource(a: string, b: string): boolean {
  return a === b || canonicalResourceId(a) === canonicalResourceId(b)
}

function failure(object: AzureAssignedIdentity, pod: Pod, identity: AzureIdentity): Refusal {
  const cause = object.message === '' ? object.reason : object.message
  return refuse(
    'assignment-failed',
    `AzureIdentity ${objectKey(identity.namespace, identity.name)} could not be assigned to the node of pod ` +
      `${objectKey(pod.namespace, pod.name)}: ${cause}`,
  )
}

function pending(pod: Pod, identity: AzureIdentity, why: string, objectExists = true): Assignment {
  const refusal = refuse(
    'not-assigned-yet',
    `AzureIdentity ${objectKey(identity.namespace, identity.name)} is bound to pod ` +
      `${objectKey(pod.namespace, pod.name)} and not assigned to its node: ${why}`,
  )
  return { kind: 'pending', refusal, objectExists }
}
