import { holdLimits, type NmiConfig, nmiConfig } from '../../nmi/config.ts'
import type { ValuesOf } from '../flag.ts'
import type { NMI_FLAGS } from '../nmi-flags.ts'

export type NmiFlags = ValuesOf<typeof NMI_FLAGS>

/** Flags as people write them -> what the request path uses. */
export function nmiConfigOf(flags: NmiFlags): NmiConfig {
  return nmiConfig({
    host: flags['nmi-listen-address'],
    port: flags['nmi-port'],
    // Where podid redirects, one agent may follow another without a gap.
    shared: flags['manage-redirect'],
    hostDoorSocket: flags['host-door-socket'],
    mode: flags['operation-mode'],
    forceNamespaced: flags.forceNamespaced,
    micNamespace: flags.MICNamespace,
    metadataHeaderRequired: flags['metadata-header-required'],
    blockInstanceMetadata: flags['block-instance-metadata'],
    requireIdentitySelector: flags['require-identity-selector'],
    legacyStatusCodes: flags['legacy-status-codes'],
    setRetryAfterHeader: flags['set-retry-after-header'],
    hold: holdLimits(
      {
        retryAttemptsForCreated: flags['retry-attempts-for-created'],
        retryAttemptsForAssigned: flags['retry-attempts-for-assigned'],
        findIdentityRetryIntervalSeconds: flags['find-identity-retry-interval'],
      },
      flags['hold-limit'],
    ),
    limits: {
      maxConnections: flags['max-connections'],
      maxConnectionsPerAddress: flags['max-connections-per-pod'],
      drainMs: flags['shutdown-timeout'],
    },
  })
}
