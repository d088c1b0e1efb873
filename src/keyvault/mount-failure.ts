import { MOUNT_FAILURES, type MountFailureCode } from '../model/mount-failures.ts'

/**
 * Why a volume is not filled. The message names the field, vault, object or identity; it is stable (no time,
 * counter or trace id), so that Kubernetes folds repeated events into one, and holds no secret.
 */
export class MountFailure extends Error {
  override readonly name = 'MountFailure'
  readonly code: MountFailureCode

  constructor(code: MountFailureCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** What people read: the message and what to do about it. */
export function mountFailureText(failure: MountFailure): string {
  const stop = /[.?!]$/.test(failure.message) ? '' : '.'
  return `${failure.message}${stop} ${MOUNT_FAILURES[failure.code].remedy}`
}
