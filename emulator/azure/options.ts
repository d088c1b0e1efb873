import type { Clock } from '../../src/base/clock.ts'
import type { TrustedIssuer } from './entra/issuer-keys.ts'
import type { ImdsListenOptions } from './imds/imds-doors.ts'
import type { SeedDocument } from './state/seed-document.ts'
import type { SettingsInput } from './state/settings.ts'

/** Everything an emulator can be started with; all of it has a default. */
export interface AzureEmulatorOptions {
  /** Time and randomness. TLS certificates do not depend on it. */
  readonly clock?: Clock
  /** Repeats the draws of faults, latencies and lifetimes; absent: the clock's own randomness. */
  readonly randomSeed?: number
  /** Address of all listeners; 127.0.0.1. */
  readonly host?: string
  /** HTTPS for Entra, ARM and Key Vault together, told apart by host name or path; 0 is any free port. */
  readonly port?: number
  /** Separate HTTPS listeners for one service each, besides the shared one. */
  readonly entraPort?: number
  readonly armPort?: number
  readonly vaultPort?: number
  /** HTTP for faults, settings and dumps; absent: none. It has no access control. */
  readonly adminPort?: number
  /** IMDS listeners to open at the start; more with `imds.listen`. */
  readonly imds?: readonly ImdsListenOptions[]
  /** Names and addresses for the certificate, besides the usual ones. */
  readonly names?: readonly string[]
  /** What exists at the start. */
  readonly seed?: SeedDocument
  /** Wins over the seed's. */
  readonly settings?: SettingsInput
  /** External issuers whose documents Entra may fetch for federated assertions. */
  readonly trustedIssuers?: readonly TrustedIssuer[]
}
