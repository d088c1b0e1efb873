import { Owner } from '../../src/base/lifecycle.ts'
import { openAdminDoor } from './admin/admin-door.ts'
import { createCore } from './core.ts'
import type { TrustedIssuer } from './entra/issuer-keys.ts'
import { type MintOrder, mintToken } from './entra/minting.ts'
import type { FaultTable } from './faults/fault-table.ts'
import type { Door } from './http/door.ts'
import { openHttpsDoors, publicUrl } from './https-doors.ts'
import { type ImdsListenOptions, openImdsDoor } from './imds/imds-doors.ts'
import type { AzureEmulatorOptions } from './options.ts'
import type { AzureState } from './state/azure-state.ts'
import type { Control } from './state/control.ts'
import { dumpState } from './state/dump.ts'
import type { Journal } from './state/journal.ts'
import type { SeedDocument } from './state/seed-document.ts'
import { plant, readSeed } from './state/seeding.ts'
import { changeSettings, type Settings, type SettingsInput } from './state/settings.ts'

/** A running small Azure. */
export interface AzureEmulator {
  readonly tenantId: string
  /** Authority host for SDKs: `https://localhost:<port>`. */
  readonly entraUrl: string
  /** ARM endpoint for SDKs. */
  readonly armUrl: string
  /** `https://<name>.vault.azure.net:<port>`: for programs that resolve that name to the emulator. */
  vaultUrl(name: string): string
  /** Key Vault without name resolution, when there is exactly one vault. */
  readonly vaultAddress: string
  readonly adminUrl: string | undefined
  /** PEM of the CA: `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`, ... */
  readonly caPem: string
  readonly imds: {
    /** Opens one more IMDS, for one VM or instance, or for all by source address. */
    listen(options?: ImdsListenOptions): Promise<Door>
    /** Those that the options asked for, in their order. */
    readonly doors: readonly Door[]
  }
  readonly state: AzureState
  readonly settings: Readonly<Settings>
  readonly faults: FaultTable
  /** Requests, counters per route, violations. */
  readonly journal: Journal
  readonly control: Control
  change(settings: SettingsInput): void
  /** Adds (or replaces by id) what another seed document describes; its tenant and region are ignored. */
  plant(document: SeedDocument): void
  /** Lets Entra fetch the documents of one more external issuer. */
  trust(issuer: TrustedIssuer): void
  /** An access token as if it had been asked for in the usual way. */
  mint(order: MintOrder): Promise<string>
  dump(): Record<string, unknown>
  close(): Promise<void>
}

/** Starts a small Azure. @throws Error when the seed is wrong or a port is taken; nothing stays open then. */
export async function startAzureEmulator(options: AzureEmulatorOptions = {}): Promise<AzureEmulator> {
  const owner = new Owner()
  try {
    return await start(options, owner)
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function start(options: AzureEmulatorOptions, owner: Owner): Promise<AzureEmulator> {
  const { host = '127.0.0.1' } = options
  const core = await createCore(options, owner)
  const { state, settings, faults, journal, control, issuers, office, clock } = core
  const own = async (opening: Promise<Door>): Promise<Door> => {
    const door = await opening
    owner.own(() => door.close())
    return door
  }
  const https = await openHttpsDoors(options, core, own)
  const listen = (asked: ImdsListenOptions = {}): Promise<Door> =>
    own(openImdsDoor({ host, ...asked }, core.imds, core.pipeline))
  const doors: Door[] = []
  for (const each of options.imds ?? []) doors.push(await listen(each))
  const vaultPort = https.vault.port === 443 ? '' : `:${https.vault.port}`

  const emulator: Omit<AzureEmulator, 'adminUrl'> = {
    tenantId: state.tenant.id,
    entraUrl: publicUrl(https.entra),
    armUrl: publicUrl(https.arm),
    vaultUrl: (name) => `https://${name.toLowerCase()}.vault.azure.net${vaultPort}`,
    vaultAddress: publicUrl(https.vault),
    caPem: https.caPem,
    imds: { listen, doors },
    state,
    settings,
    faults,
    journal,
    control,
    change: (change) => changeSettings(settings, change),
    plant(document) {
      const more = readSeed(document)
      plant(state, more, clock)
      for (const rule of more.faults) faults.add(rule)
    },
    trust: (issuer) => issuers.trust(issuer),
    mint: (order) => mintToken(order, { state, settings, office, nowMs: core.nowOf('entra') }),
    dump: () => dumpState(state),
    close: () => owner.close(),
  }
  if (options.adminPort === undefined) return { ...emulator, adminUrl: undefined }
  const admin = await own(openAdminDoor({ host, port: options.adminPort }, emulator))
  return { ...emulator, adminUrl: admin.url }
}
