import { OperatorError } from '../../base/errors.ts'
import { MIC_DEFAULTS, type MicConfig } from '../../mic/config.ts'
import type { ValuesOf } from '../flag.ts'
import type { MIC_FLAGS } from '../mic-flags.ts'

export type MicFlags = ValuesOf<typeof MIC_FLAGS>

/** Flags as people write them -> what the controller uses. */
export function micConfigOf(flags: MicFlags): MicConfig {
  return {
    ...MIC_DEFAULTS,
    forceNamespaced: flags.forceNamespaced,
    resyncMs: flags.syncRetryDuration,
    reconcileMs: flags['identity-assignment-reconcile-interval'],
    createDeleteBatch: flags.createDeleteBatch,
    clientQps: flags.clientQps,
    immutableIdentities: flags['immutable-user-msis'],
    updateMaxRetries: flags['update-user-msi-max-retry'],
    updateRetryIntervalMs: flags['update-user-msi-retry-interval'],
    adoptExisting: flags['adopt-existing-assignments'],
    armCallsPerHour: flags['arm-calls-per-hour'],
  }
}

/** A Lease counts in whole seconds, and a renewal needs time to get there. */
const SHORTEST_LEASE_MS = 2_000

/**
 * Without a renewal for the first time the lead ends; the second is the pause between two tries.
 * Milliseconds. @throws OperatorError for a duration that no lock can keep.
 */
export function leaderTimes(leaseDurationMs: number): { renewDeadlineMs: number; retryMs: number } {
  if (leaseDurationMs < SHORTEST_LEASE_MS) {
    throw new OperatorError(`--leader-election-duration is at least ${SHORTEST_LEASE_MS / 1_000}s`)
  }
  // The shares of client-go's defaults, 15 s, 10 s and 2 s: a slow API server costs nobody the lead at once.
  return { renewDeadlineMs: (leaseDurationMs * 2) / 3, retryMs: (leaseDurationMs * 2) / 15 }
}
