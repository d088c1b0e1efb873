import type { Clock } from '../base/clock.ts'
import type { ObjectWriter, WriteOutcome } from '../kube/object-writer.ts'
import {
  type AssignedIdentityDraft,
  type AssignmentStatus,
  assignableId,
  sameAssignment,
} from '../model/assigned.ts'
import { ASSIGNED_IDENTITY_FINALIZER, objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import type { MicMetrics } from '../telemetry/mic-metrics.ts'
import type { Groups } from './groups.ts'
import type { ObjectView } from './object-view.ts'
import { knownOr, outlookOf, says } from './outlook.ts'
import { planPod, type Slot } from './pod-plan.ts'
import type { Reports } from './reports.ts'
import type { Wanted } from './wanted.ts'
import type { World } from './world.ts'

export interface PodSyncDeps {
  readonly world: World
  readonly wanted: Wanted
  readonly view: ObjectView
  readonly groups: Groups
  readonly writer: ObjectWriter
  readonly reports: Reports
  readonly metrics: MicMetrics
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** After a conflict: long enough for the watch to bring what the other writer did. Milliseconds. */
const AFTER_CONFLICT_MS = 1_000

/**
 * Makes the AzureAssignedIdentity objects of one pod say what is so. Level-based; never called twice at
 * once for one pod. What needs Azure is handed to the pod's group, which calls back.
 * @returns milliseconds after which it wants to run again, if ever.
 * @throws what the writer throws, after everything else of the pod was tried.
 */
export async function syncPod(deps: PodSyncDeps, podKey: string): Promise<number | undefined> {
  const plan = planPod(deps.wanted.of(podKey), deps.view.ofPod(podKey), (key) => deps.view.get(key))
  const failures: unknown[] = []
  let conflict = false
  const attempt = async (work: () => Promise<boolean>): Promise<void> => {
    try {
      conflict = (await work()) || conflict
    } catch (thrown) {
      deps.signal.throwIfAborted()
      failures.push(thrown)
    }
  }
  for (const slot of plan.slots) await attempt(() => syncSlot(deps, podKey, slot))
  for (const object of plan.release) await attempt(() => release(deps, podKey, object))
  if (failures.length > 0) throw failures[0]
  return conflict ? AFTER_CONFLICT_MS : undefined
}

/** True when another writer came in between and the pod must be looked at again. */
async function syncSlot(deps: PodSyncDeps, podKey: string, slot: Slot): Promise<boolean> {
  const { desired, object } = slot
  const { armId, group } = desired
  const facts = group === undefined || armId === undefined ? undefined : deps.groups.facts(group.id)
  const isThere = armId === undefined || facts?.presence(armId) === 'present'
  // Before the object is written: ARM takes seconds, the write milliseconds, and neither needs the other.
  if (!isThere && group !== undefined) deps.groups.await(group, armId, podKey)
  if (slot.blocked) return false
  const outlook = outlookOf(desired, facts, providerIdOf(deps, slot))
  if (object === undefined) return create(deps, slot, knownOr(outlook))
  const draft = draftOf(slot, outlook === 'unknown' ? statusToKeep(slot, object) : outlook)
  if (!sameAssignment(object, draft)) return replace(deps, slot, object, draft)
  return says(object, draft.status) ? false : patchStatus(deps, slot, object, draft.status)
}

function providerIdOf({ world }: PodSyncDeps, { desired }: Slot): string {
  return world.placement(desired.nodeName)?.providerId ?? ''
}

/** While Azure is unknown a status is believed as long as it speaks of the same identity on the same node. */
function statusToKeep({ desired }: Slot, object: AzureAssignedIdentity): AssignmentStatus {
  const isSame = assignableId(object.identity) === desired.armId && object.nodeName === desired.nodeName
  return isSame ? object : knownOr('unknown')
}

async function create(deps: PodSyncDeps, slot: Slot, status: AssignmentStatus): Promise<boolean> {
  const draft = draftOf(slot, status)
  const result = await deps.writer.create(draft, deps.signal)
  if (result.outcome !== 'done') return true
  deps.view.wrote(objectOf(draft, result))
  deps.metrics.objectCreated(objectKey(draft.namespace, draft.name), deps.clock.monotonic())
  reportStatus(deps, slot, status, '')
  return false
}

async function replace(
  deps: PodSyncDeps,
  slot: Slot,
  object: AzureAssignedIdentity,
  draft: AssignedIdentityDraft,
): Promise<boolean> {
  const result = await deps.metrics.timeUpdate(deps.clock, () =>
    deps.writer.replace(object, draft, deps.signal),
  )
  if (!takeResult(deps, object, result)) return true
  if (result.outcome === 'done') deps.view.wrote(objectOf(draft, result))
  if (!says(object, draft.status) || object.nodeName !== draft.nodeName) {
    reportStatus(deps, slot, draft.status, object.state)
  }
  return false
}

async function patchStatus(
  deps: PodSyncDeps,
  slot: Slot,
  object: AzureAssignedIdentity,
  status: AssignmentStatus,
): Promise<boolean> {
  const result = await deps.writer.patchStatus(object, status, deps.signal)
  if (!takeResult(deps, object, result)) return true
  if (result.outcome === 'done') {
    const { uid, resourceVersion } = result
    deps.view.wrote({ ...object, ...status, uid, resourceVersion })
  }
  reportStatus(deps, slot, status, object.state)
  return false
}

function reportStatus(deps: PodSyncDeps, slot: Slot, status: AssignmentStatus, before: string): void {
  if (status.state === 'Assigned') {
    deps.metrics.objectAssigned(objectKey(slot.desired.namespace, slot.name), deps.clock.monotonic())
    deps.reports.assigned(slot.desired, before === 'Created')
  } else if (status.reason !== '') {
    deps.reports.assignmentFailed(slot.desired, status)
  }
}

/** Ends an object that stands for nothing: marked first, so NMI stops serving it, then off Azure, then gone. */
async function release(deps: PodSyncDeps, podKey: string, object: AzureAssignedIdentity): Promise<boolean> {
  let current = object
  if (!object.deleting) {
    const result = await deps.writer.delete(object, deps.signal)
    if (!takeResult(deps, object, result)) return result.outcome === 'conflict'
    if (result.outcome !== 'done') return false
    if (object.finalizers.length === 0) return released(deps, object)
    current = { ...object, deleting: true, resourceVersion: result.resourceVersion }
    deps.view.wrote(current)
  }
  const armId = assignableId(object.identity)
  const group = deps.groups.mustLeave(object)
  if (group !== undefined && armId !== undefined) {
    const refusal = deps.groups.facts(group.id).refusalFor(armId)
    if (refusal !== undefined) deps.reports.removalFailed(object, refusal)
    deps.groups.await(group, armId, podKey)
    return false
  }
  if (!current.finalizers.includes(ASSIGNED_IDENTITY_FINALIZER)) return false
  const result = await deps.writer.removeFinalizer(current, deps.signal)
  return takeResult(deps, current, result) ? released(deps, current) : result.outcome === 'conflict'
}

function released(deps: PodSyncDeps, object: AzureAssignedIdentity): false {
  deps.view.removed(object)
  deps.metrics.objectRemoved(objectKey(object.namespace, object.name))
  deps.reports.removed(object)
  return false
}

/** Takes in what became of a write to an existing object; false when somebody else wrote it. */
function takeResult(deps: PodSyncDeps, object: AzureAssignedIdentity, result: WriteOutcome): boolean {
  if (result.outcome === 'gone') deps.view.removed(object)
  if (result.outcome === 'conflict') deps.view.distrust(objectKey(object.namespace, object.name))
  return result.outcome === 'done'
}

function draftOf({ desired, name }: Slot, status: AssignmentStatus): AssignedIdentityDraft {
  const { namespace, pod, podNamespace, nodeName, identity, binding } = desired
  const { state, reason, message } = status
  return {
    namespace,
    name,
    pod,
    podNamespace,
    nodeName,
    identity,
    binding,
    status: { state, reason, message },
  }
}

function objectOf(
  draft: AssignedIdentityDraft,
  { uid, resourceVersion }: { uid: string; resourceVersion: string },
): AzureAssignedIdentity {
  const { status, ...rest } = draft
  const { state, reason, message } = status
  return {
    ...rest,
    uid,
    resourceVersion,
    state,
    reason,
    message,
    deleting: false,
    finalizers: [ASSIGNED_IDENTITY_FINALIZER],
    problems: [],
  }
}
