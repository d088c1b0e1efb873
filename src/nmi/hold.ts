import { createBackoff } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { type HoldLimits, PATIENCE } from './config.ts'
import type { WaitsFor } from './standing.ts'

/** How much longer one request may be held. */
export interface Hold {
  /** Milliseconds left for this reason; 0 or less when the time is up. */
  left(reason: Exclude<WaitsFor, 'caller'> | 'imds'): number
  /** Milliseconds until the request must be answered. */
  untilEnd(): number
  /** The next pause before IMDS is asked again for an identity that it does not know yet, milliseconds. */
  nextPauseMs(): number
}

/** Pauses while IMDS has not heard of an identity that ARM has assigned: it takes seconds, rarely minutes. */
const IMDS_PAUSES = { firstMs: 1_000, maxMs: 5_000 }

/** @param patient the client neither gives up nor asks again: it is held longer (patience.ts) */
export function createHold(clock: Clock, limits: HoldLimits, patient: boolean): Hold {
  const longestMs = patient ? limits.patientAssignmentMs : limits.assignmentMs
  const factor = patient ? PATIENCE : 1
  const requestMs = patient ? limits.patientRequestMs : limits.requestMs
  const startedAt = clock.monotonic()
  const backoff = createBackoff(clock, IMDS_PAUSES)
  return {
    left(reason) {
      return Math.min(longestMs, limitOf(reason, limits, factor)) - (clock.monotonic() - startedAt)
    },
    untilEnd: () => Math.max(0, requestMs - (clock.monotonic() - startedAt)),
    nextPauseMs: () => backoff.next(),
  }
}

function limitOf(reason: Exclude<WaitsFor, 'caller'> | 'imds', limits: HoldLimits, factor: number): number {
  switch (reason) {
    case 'young-pod':
      return limits.youngPodGraceMs
    case 'object':
      return factor * limits.createdMs
    case 'assignment':
    case 'imds':
    default:
      return factor * limits.assignedMs
  }
}
