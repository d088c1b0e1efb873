import { status } from '@grpc/grpc-js'
import { DeadlineError } from '../../base/deadline.ts'
import { MountFailure, mountFailureText } from '../mount-failure.ts'

/** Kubernetes shows 1,024 characters of an event; the log of the driver shows all. */
const MAX_DETAILS = 4_096

/** Failures that say nothing about objects, so the old provider sent them as they are. */
const BARE = new Set(['request-unreadable'])

/**
 * The gRPC status of a failed mount. Code and beginning are those of the old provider. It must not be UNAVAILABLE:
 * the driver repeats such calls by itself.
 */
export function mountStatus(failure: MountFailure): { code: number; details: string } {
  const prefix = BARE.has(failure.code) ? '' : 'failed to mount objects, error: '
  // A lone surrogate cannot be sent, and would fail the call in another way.
  const details = `${prefix}${mountFailureText(failure)}`.slice(0, MAX_DETAILS).toWellFormed()
  return { code: status.UNKNOWN, details }
}

/** Whatever a mount threw, as one of the closed list. */
export function asMountFailure(thrown: unknown): MountFailure {
  if (thrown instanceof MountFailure) return thrown
  if (thrown instanceof DeadlineError) {
    return new MountFailure('out-of-time', 'the time that kubelet gives the mount ran out', { cause: thrown })
  }
  return new MountFailure('internal-error', 'the provider met a fault of its own', { cause: thrown })
}
