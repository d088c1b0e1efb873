/** What `podid mic` is told; durations in milliseconds. */
export interface MicConfig {
  /** `--forceNamespaced` */
  readonly forceNamespaced: boolean
  /** `--syncRetryDuration`: everything is computed anew this often. */
  readonly resyncMs: number
  /** `--identity-assignment-reconcile-interval`: VMs and scale sets are looked at this often, as far as the budget goes. */
  readonly reconcileMs: number
  /** `--createDeleteBatch`: pods whose objects are written at the same time. */
  readonly createDeleteBatch: number
  /** `--clientQps`: writes to the API server in a second, in the long run. */
  readonly clientQps: number
  /** `--immutable-user-msis` */
  readonly immutableIdentities: readonly string[]
  /** `--update-user-msi-max-retry` */
  readonly updateMaxRetries: number
  /** `--update-user-msi-retry-interval` */
  readonly updateRetryIntervalMs: number
  /** `--adopt-existing-assignments`: identities of AzureAssignedIdentity objects that AAD Pod Identity wrote are podid's own. */
  readonly adoptExisting: boolean
  /** `--arm-calls-per-hour` */
  readonly armCallsPerHour: number
}

export const MIC_DEFAULTS: MicConfig = {
  forceNamespaced: false,
  resyncMs: 3_600_000,
  reconcileMs: 180_000,
  createDeleteBatch: 20,
  clientQps: 50,
  immutableIdentities: [],
  updateMaxRetries: 2,
  updateRetryIntervalMs: 1_000,
  adoptExisting: false,
  armCallsPerHour: 6_000,
}
