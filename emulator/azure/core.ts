import { type Clock, systemClock } from '../../src/base/clock.ts'
import type { Owner } from '../../src/base/lifecycle.ts'
import { createOperations } from './arm/operations.ts'
import { createTokenOffice, type TokenOffice } from './entra/access-tokens.ts'
import { createIssuerKeys, type IssuerKeys } from './entra/issuer-keys.ts'
import { createSigningKey } from './entra/signing-key.ts'
import { FaultTable } from './faults/fault-table.ts'
import type { ServiceName } from './http/exchange.ts'
import type { PipelineDeps } from './http/pipeline.ts'
import type { Service } from './http/service.ts'
import type { ImdsDeps } from './imds/imds-service.ts'
import { createImdsTokens } from './imds/imds-tokens.ts'
import type { AzureEmulatorOptions } from './options.ts'
import { createServices } from './services.ts'
import { type AzureState, emptyState, type FailurePlan } from './state/azure-state.ts'
import { type Control, createControl } from './state/control.ts'
import { Journal } from './state/journal.ts'
import { seededClock } from './state/seeded-clock.ts'
import { plant, readSeed } from './state/seeding.ts'
import { createSettings, type Settings } from './state/settings.ts'

/** The small Azure without its listeners. */
export interface Core {
  readonly clock: Clock
  readonly state: AzureState
  readonly settings: Settings
  readonly journal: Journal
  readonly faults: FaultTable
  readonly office: TokenOffice
  readonly issuers: IssuerKeys
  readonly control: Control
  readonly services: readonly Service[]
  readonly imds: ImdsDeps
  readonly pipeline: PipelineDeps
  /** Wall clock as one service sees it, milliseconds. */
  readonly nowOf: (service: ServiceName) => number
}

/** @throws Error when the seed is wrong */
export async function createCore(options: AzureEmulatorOptions, owner: Owner): Promise<Core> {
  const { clock: given = systemClock, randomSeed } = options
  const clock = randomSeed === undefined ? given : seededClock(given, randomSeed)
  const seed = readSeed(options.seed ?? {})
  const plainTenant = { displayName: 'Emulated', domains: [] }
  const tenant = typeof seed.tenant === 'string' ? { id: seed.tenant, ...plainTenant } : seed.tenant
  const state = emptyState(tenant, seed.region)
  const settings = createSettings({ ...seed.settings, ...options.settings })
  const journal = new Journal(clock)
  const faults = new FaultTable(clock)
  plant(state, seed, clock)
  for (const rule of seed.faults) faults.add(rule)

  const key = await createSigningKey()
  const office = createTokenOffice(state, key)
  const nowOf = (service: ServiceName): number => clock.now() + (settings.clockSkewMs[service] ?? 0)
  const issuers = createIssuerKeys({ clock, closing: owner.signal, trusted: options.trustedIssuers ?? [] })
  const failures: FailurePlan[] = []
  const operations = createOperations({ state, settings, clock, owner, failures })
  const shared = { state, settings, journal, clock, office }
  const imdsTime = { now: () => nowOf('imds'), monotonic: () => clock.monotonic() }
  return {
    ...shared,
    faults,
    issuers,
    nowOf,
    control: createControl(state, clock, failures),
    services: createServices({
      entra: { ...shared, key, issuers, ownIssuer: office.issuer, now: () => nowOf('entra') },
      arm: { ...shared, operations, now: () => nowOf('arm') },
      vault: { ...shared, authority: () => 'https://login.microsoftonline.com', now: () => nowOf('vault') },
    }),
    imds: { ...shared, ...imdsTime, limits: new Map(), tokens: createImdsTokens({ ...shared, ...imdsTime }) },
    pipeline: { clock, faults, journal, settings, closing: owner.signal },
  }
}
