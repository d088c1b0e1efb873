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
  }
}
