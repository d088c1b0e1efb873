import * as v from 'valibot'

const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(86_400_000))
const chance = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

/**
 * How the small Azure behaves. All may be changed while it runs. The default durations are short so that
 * a demo is quick; the comments name what Azure shows.
 */
export const settingsSchema = v.strictObject({
  /** How long a PATCH of a VM runs. Azure: 10 to 20 s. */
  vmOperationMs: v.optional(milliseconds, 500),
  /** How long a PATCH of a scale set runs. Azure: 40 to 60 s. */
  vmssOperationMs: v.optional(milliseconds, 1_000),
  /** `Retry-After` on asynchronous operations. Azure: 10. */
  operationRetryAfterSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 1),
  /** First answer to a PATCH: 200 or 202, both with headers for polling. Azure: 200. */
  patchStatus: v.optional(v.picklist([200, 202]), 200),
  /** A PATCH while another runs: 409, or the older operation is cancelled. */
  concurrentPatch: v.optional(v.picklist(['conflict', 'preempt']), 'conflict'),
  /** GET keeps showing the state before a PATCH for so long. */
  armReadLagMs: v.optional(milliseconds, 0),
  /** How ARM spells ids of identities that it stores: as sent, or with `resourcegroups` in lower case. */
  identityKeyCase: v.optional(v.picklist(['as-sent', 'lower-resourcegroups']), 'as-sent'),
  /** Whether `assign/action` is needed for identities that a PATCH removes, too (not known of Azure). */
  checkAssignOnRemoval: v.optional(v.boolean(), false),
  /** Token buckets of ARM and of the compute and identity providers. */
  armLimits: v.optional(v.boolean(), true),
  /** Whether ARM's 429 carries `Retry-After`. */
  armRetryAfter: v.optional(v.boolean(), true),
  /** From the success of an operation until IMDS knows the new identities. Azure: seconds to minutes. */
  imdsLagMs: v.optional(milliseconds, 0),
  /** The same for identities that were removed. */
  imdsRemovalLagMs: v.optional(milliseconds, 0),
  /** 20 requests/s and 5 at once for identity, 5/s for the other categories, per VM. */
  imdsLimits: v.optional(v.boolean(), true),
  /** How IMDS reads paths: `lenient` accepts the spellings of CVE-2022-23551. */
  imdsPathReading: v.optional(v.picklist(['lenient', 'strict']), 'lenient'),
  /** The cached token is given out until it has less than this left. */
  imdsCacheMarginSeconds: v.optional(v.pipe(v.number(), v.minValue(0)), 300),
  /** Lifetime of tokens for managed identities. Azure: 24 h. */
  identityTokenSeconds: v.optional(v.pipe(v.number(), v.minValue(1)), 86_399),
  /** Fixed lifetime of tokens for applications; absent: 3599 to 5399, drawn. */
  appTokenSeconds: v.optional(v.pipe(v.number(), v.minValue(1))),
  /** How long a write of a federated credential runs; a second one meanwhile gets 409. */
  federatedWriteMs: v.optional(milliseconds, 20),
  /** AADSTS70021 for so long after a federated credential was written. Azure: up to minutes. */
  federatedLagMs: v.optional(milliseconds, 0),
  /** After the lag: so long exchanges fail now and then, with this chance. */
  federatedFlapMs: v.optional(milliseconds, 0),
  federatedFlapChance: v.optional(chance, 0.5),
  /** AADSTS700016 for so long after an identity was created. */
  principalLagMs: v.optional(milliseconds, 0),
  /** When not empty: AADSTS500011 for any other resource. */
  knownAudiences: v.optional(v.array(v.string()), []),
  /** Added to the emulator's clock per service: token times, validation, Date header. */
  clockSkewMs: v.optional(
    v.strictObject({
      entra: v.optional(v.number(), 0),
      imds: v.optional(v.number(), 0),
      arm: v.optional(v.number(), 0),
      vault: v.optional(v.number(), 0),
    }),
    {},
  ),
  /** Most transactions of one vault in 10 s. Azure: 4000. */
  vaultTransactionsPer10s: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 4_000),
  /** Whether the vault's 429 carries `Retry-After`; Azure often leaves it out. */
  vaultRetryAfter: v.optional(v.boolean(), false),
  /** Whether secrets outside of their `nbf` and `exp` are refused. Azure gives them out. */
  vaultRefusesByDate: v.optional(v.boolean(), false),
  /** Page size of lists in Key Vault. */
  vaultPageSize: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 25),
})

export type Settings = v.InferOutput<typeof settingsSchema>
export type SettingsInput = v.InferInput<typeof settingsSchema>

export function createSettings(input: SettingsInput = {}): Settings {
  return v.parse(settingsSchema, input)
}

/** Changes settings in place. @throws ValiError, and changes nothing, when a value is wrong. */
export function changeSettings(settings: Settings, change: SettingsInput): void {
  const clockSkewMs = { ...settings.clockSkewMs, ...change.clockSkewMs }
  Object.assign(settings, v.parse(settingsSchema, { ...settings, ...change, clockSkewMs }))
}
