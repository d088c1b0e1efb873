import type { AssignmentStatus } from '../model/assigned.ts'
import type { Refusal } from '../model/refusal.ts'
import type { DesiredAssignment } from './desired.ts'
import { noGroupRefusal } from './diagnosis.ts'
import type { GroupFacts } from './group-facts.ts'

const ASSIGNED: AssignmentStatus = { state: 'Assigned', reason: '', message: '' }
const CREATED: AssignmentStatus = { state: 'Created', reason: '', message: '' }

/** What the status of an assignment's object must say now; `unknown` while Azure was not looked at. */
export type Outlook = AssignmentStatus | 'unknown'

/**
 * `Assigned` exactly when the identity is on the node: for service principals at once, for managed
 * identities when ARM says so. Everything else is `Created`, with the reason when there is one.
 */
export function outlookOf(
  { armId, nodeName }: DesiredAssignment,
  facts: GroupFacts | undefined,
  providerId: string,
): Outlook {
  if (armId === undefined) return ASSIGNED
  if (facts === undefined) return failed(noGroupRefusal(nodeName, providerId))
  const presence = facts.presence(armId)
  if (presence === 'present') return ASSIGNED
  const refusal = facts.refusalFor(armId)
  if (refusal !== undefined) return failed(refusal)
  return presence === 'unknown' ? 'unknown' : CREATED
}

function failed({ code, message }: Refusal): AssignmentStatus {
  return { state: 'Created', reason: code, message }
}

/** The status for an object that has none yet while Azure is unknown. */
export function knownOr(outlook: Outlook): AssignmentStatus {
  return outlook === 'unknown' ? CREATED : outlook
}

/** True when the object says it already. Objects of old releases without a status count as assigned. */
export function says(
  object: { state: string; reason: string; message: string },
  status: AssignmentStatus,
): boolean {
  if (status.state === 'Assigned' && object.state === '') return true
  return object.state === status.state && object.reason === status.reason && object.message === status.message
}
