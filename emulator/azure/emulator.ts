import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { openAdminDoor } from './admin/admin-door.ts'
import { createOperations } from './arm/operations.ts'
import { createTokenOffice } from './entra/access-tokens.ts'
import { createIssuerKeys, type TrustedIssuer } from './entra/issuer-keys.ts'
import { type MintOrder, mintToken } from './entra/minting.ts'
import { createSigningKey } from './entra/signing-key.ts'
import { FaultTable } from './faults/fault-table.ts'
import { type Door, openDoor } from './http/door.ts'
import type { ServiceName } from './http/exchange.ts'
import { createPipeline, type PipelineDeps } from './http/pipeline.ts'
import { type ImdsListenOptions, openImdsDoor } from './imds/imds-doors.ts'
import { createImdsTokens } from './imds/imds-tokens.ts'
import type { AzureEmulatorOptions } from './options.ts'
import { chooseService, createServices, serviceNamed } from './services.ts'
import { type AzureState, emptyState, type FailurePlan } from './state/azure-state.ts'
import { type Control, createControl } from './state/control.ts'
import { dumpState } from './state/dump.ts'
import { Journal } from './state/journal.ts'
import type { SeedDocument } from './state/seed-document.ts'
import { plant, readSeed } from './state/seeding.ts'
import { changeSettings, createSettings, type Settings, type SettingsInput } from './state/settings.ts'
import { createServerIdentity, DEFAULT_NAMES } from './tls/certificate-authority.ts'

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
  const { clock = systemClock, host = '127.0.0.1' } = options
  const seed = readSeed(options.seed ?? {})
  const tenant =
    typeof seed.tenant === 'string' ? { id: seed.tenant, displayName: 'Emulated', domains: [] } : seed.tenant
  const state = emptyState(tenant, seed.region)
  const settings = createSettings({ ...seed.settings, ...options.settings })
  const journal = new Journal(clock)
  const faults = new FaultTable(clock)
  plant(state, seed, clock)
  for (const rule of seed.faults) faults.add(rule)

  const key = await createSigningKey()
  const office = createTokenOffice(state, key)
  const nowOf = (service: ServiceName) => () => clock.now() + (settings.clockSkewMs[service] ?? 0)
  const issuers = createIssuerKeys({ clock, closing: owner.signal, trusted: options.trustedIssuers ?? [] })
  const failures: FailurePlan[] = []
  const operations = createOperations({ state, settings, clock, owner, failures })
  const shared = { state, settings, journal, clock, office }
  const services = createServices({
    entra: { ...shared, key, issuers, ownIssuer: office.issuer, now: nowOf('entra') },
    arm: { ...shared, operations, now: nowOf('arm') },
    vault: { ...shared, authority: () => 'https://login.microsoftonline.com', now: nowOf('vault') },
  })

  const server = await createServerIdentity([...new Set([...DEFAULT_NAMES, host, ...(options.names ?? [])])])
  const pipeline: PipelineDeps = { clock, faults, journal, settings, closing: owner.signal }
  const owned = async (opening: Promise<Door>): Promise<Door> => {
    const door = await opening
    owner.own(() => door.close())
    return door
  }
  const openHttps = (port: number, only?: ServiceName): Promise<Door> => {
    const choose =
      only === undefined
        ? createPipeline(pipeline, (head) => chooseService(services, head))
        : createPipeline(pipeline, () => serviceNamed(services, only))
    return owned(openDoor({ host, port, tls: { key: server.key, cert: server.cert }, handle: choose }))
  }
  const https = await openHttps(options.port ?? 0)
  const separate = async (port: number | undefined, only: ServiceName): Promise<Door> =>
    port === undefined ? https : openHttps(port, only)
  const entra = await separate(options.entraPort, 'entra')
  const arm = await separate(options.armPort, 'arm')
  const vault = await separate(options.vaultPort, 'vault')

  const imdsTokens = createImdsTokens({
    state,
    settings,
    office,
    now: nowOf('imds'),
    monotonic: () => clock.monotonic(),
  })
  const imdsDeps = {
    ...shared,
    tokens: imdsTokens,
    limits: new Map(),
    now: nowOf('imds'),
    monotonic: () => clock.monotonic(),
  }
  const listen = (asked: ImdsListenOptions = {}): Promise<Door> =>
    owned(openImdsDoor({ host, ...asked }, imdsDeps, pipeline))
  const imdsDoors: Door[] = []
  for (const each of options.imds ?? []) imdsDoors.push(await listen(each))

  const emulator: Omit<AzureEmulator, 'adminUrl'> = {
    tenantId: tenant.id,
    entraUrl: publicUrl(entra),
    armUrl: publicUrl(arm),
    vaultUrl: (name) =>
      `https://${name.toLowerCase()}.vault.azure.net${vault.port === 443 ? '' : `:${vault.port}`}`,
    vaultAddress: publicUrl(vault),
    caPem: server.caPem,
    imds: { listen, doors: imdsDoors },
    state,
    settings,
    faults,
    journal,
    control: createControl(state, clock, failures),
    change: (change) => changeSettings(settings, change),
    plant(document) {
      const more = readSeed(document)
      plant(state, more, clock)
      for (const rule of more.faults) faults.add(rule)
    },
    trust: (issuer) => issuers.trust(issuer),
    mint: (order) => mintToken(order, { state, settings, office, nowMs: nowOf('entra')() }),
    dump: () => dumpState(state),
    close: () => owner.close(),
  }
  if (options.adminPort === undefined) return { ...emulator, adminUrl: undefined }
  const admin = await owned(openAdminDoor({ host, port: options.adminPort }, emulator))
  return { ...emulator, adminUrl: admin.url }
}

/** Loopback listeners are named `localhost`, which the certificate and every SDK accept. */
function publicUrl(door: Door): string {
  const loopback = door.host === '127.0.0.1' || door.host === '::1' || door.host === '0.0.0.0'
  return loopback ? `https://localhost:${door.port}` : door.url
}
