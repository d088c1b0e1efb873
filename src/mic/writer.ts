import type { AssignedIdentityDraft, AssignmentStatus } from '../model/assigned.ts'

/** Names one object as MIC saw it, so that a write never hits another one of the same name. */
export interface ObjectRef {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/**
 * What became of a write. `done` carries the identity of the object afterwards. The others are no
 * faults: the watch will tell what is there, and MIC decides anew.
 */
export type WriteResult =
  | { readonly outcome: 'done'; readonly uid: string; readonly resourceVersion: string }
  /** The name is taken (create), or the object changed since it was read (all others). */
  | { readonly outcome: 'conflict' }
  /** There is no such object (any more), or another one has its name. */
  | { readonly outcome: 'gone' }

/**
 * The writes to AzureAssignedIdentity objects that MIC needs. Every call is bounded by the signal.
 * @throws KubeApiError or a network error for everything that is no WriteResult.
 */
export interface AssignedIdentityWriter {
  /** Creates the object with podid's finalizer and the draft's status (also where status is a subresource). */
  create(draft: AssignedIdentityDraft, signal: AbortSignal): Promise<WriteResult>
  /** Replaces label, spec and status; `conflict` when `ref.resourceVersion` is no longer the newest. */
  replace(ref: ObjectRef, draft: AssignedIdentityDraft, signal: AbortSignal): Promise<WriteResult>
  patchStatus(ref: ObjectRef, status: AssignmentStatus, signal: AbortSignal): Promise<WriteResult>
  /** Sets the deletion timestamp, or removes an object that has no finalizer. Only the object with `ref.uid`. */
  delete(ref: ObjectRef, signal: AbortSignal): Promise<WriteResult>
  /** Takes podid's finalizer away and leaves those of others. Only the object with `ref.uid`. */
  removeFinalizer(ref: ObjectRef, signal: AbortSignal): Promise<WriteResult>
}
