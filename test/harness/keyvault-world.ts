/**
 * The Key Vault provider as it is composed, on a socket of its own: real clients against the emulated Azure, a real
 * node agent, and the CSI driver's part beside it. At its end everything that was logged or told is searched for
 * every token, assertion and secret that was used.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Vault } from '../../emulator/azure/vault/vault-state.ts'
import {
  type CsiDriver,
  createCsiDriver,
  type MountedVolume,
  type MountOrder,
} from '../../emulator/csi/driver.ts'
import { customCloud } from '../../src/azure/clouds.ts'
import { createKeyVaultClient } from '../../src/azure/key-vault-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import type { VaultTokens } from '../../src/keyvault/identity/vault-login.ts'
import { build, type Provider } from '../../src/keyvault/provider.ts'
import { readMetrics } from '../../src/keyvault/vault/read-metrics.ts'
import { createVaultReader, type VaultReaderOptions } from '../../src/keyvault/vault/shared-reads.ts'
import { createKeyVaultMetrics } from '../../src/telemetry/keyvault-metrics.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createRegistry } from '../../src/telemetry/registry.ts'
import { SkippingClock } from '../fakes/skipping-clock.ts'
import { clientIdOf, identityId, TENANT } from '../make/objects.ts'
import { startConnectProxy } from './connect-proxy.ts'
import { AUDIENCE, ISSUER, type LoginWorld, startLoginWorld } from './login-world.ts'

export const VAULT = 'shop-vault'
export const DB_VALUE = 'the-database-password'
export const API_VALUE = 'the-key-of-the-api'

/** Parts of a mount that a test is about. */
export interface MountFields {
  readonly pod?: string
  /** Parameters of the class; those of the way to log in among them. */
  readonly parameters?: Readonly<Record<string, string>>
  /** Names, or whole objects in YAML on one line; `db` unless told. */
  readonly objects?: readonly string[]
  readonly secrets?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface KeyVaultWorld extends AsyncDisposable {
  readonly login: LoginWorld
  /** Time of everything but the logins, of which a test may leave some out. */
  readonly clock: SkippingClock
  readonly driver: CsiDriver
  readonly provider: Provider
  readonly vault: Vault
  /** Folder of environment files that a class may name. */
  readonly environments: string
  readonly cloudFile: string
  /** A mount by pod identity unless the parameters say otherwise. */
  mount(fields?: MountFields): Promise<MountedVolume>
  /** The text that a user reads. @throws AssertionError when the mount succeeds */
  refused(fields?: MountFields): Promise<string>
  /** Parameters by which a pod of `service account default/<name>` logs in as the identity of that name. */
  workload(name: string, claims?: Record<string, unknown>): Promise<Readonly<Record<string, string>>>
  /** Text of a file in the volume of the pod. */
  file(path: string, pod?: string): string
  /** A new version of a secret, or a new secret. */
  rotate(name: string, value: string): void
  /** Requests that reached the vault since the start or the last `forget`. */
  asked(): number
  forget(): void
  metrics(): Promise<string>
}

const POD = 'shop-0'

export async function startKeyVault(options: VaultReaderOptions = {}): Promise<KeyVaultWorld> {
  const owner = new Owner()
  try {
    return await open(options, owner)
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function open(options: VaultReaderOptions, owner: Owner): Promise<KeyVaultWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'podid-keyvault-'))
  owner.own(() => rmSync(folder, { recursive: true }))
  const login = await startLoginWorld()
  owner.own(async () => login[Symbol.asyncDispose]())
  const { azure, lines, secrets } = login
  plant(login)
  // Names of vaults do not resolve here; the proxy leads all of them to this machine.
  const proxy = await startConnectProxy()
  owner.own(async () => proxy[Symbol.asyncDispose]())

  const clock = new SkippingClock()
  const client = createKeyVaultClient({ clock, ca: azure.caPem, proxies: { https: proxy.address } })
  owner.own(() => client.close())
  const registry = createRegistry()
  const metrics = createKeyVaultMetrics(registry)
  const reader = createVaultReader(
    { retries: 0, ...options },
    { clock, client, observe: readMetrics(metrics) },
  )
  owner.own(() => reader.stop())
  const cloudFile = JSON.stringify(cloudOf(new URL(azure.vaultAddress).port))
  const cloud = customCloud(Buffer.from(cloudFile))
  const socket = join(folder, 'azure.sock')
  const provider = build(
    {
      endpoint: `unix://${socket}`,
      version: '0.1.0',
      maxMounts: 256,
      maxAnswerBytes: 4 * 1024 * 1024,
      shutdownMs: 20_000,
      healthTimeoutMs: 5_000,
      settings: { constructPemChain: true, separateFiles: false },
    },
    {
      rules: {
        defaultCloud: cloud,
        stackCloud: cloud,
        environmentFolder: folder,
        clock,
        vmManagedIdentity: true,
      },
      tokens: remembering(login.bySocket, secrets),
      reader,
      metrics,
      log: createLog({ component: 'test', verbosity: 10, format: 'json', write: (line) => lines.push(line) }),
      clock,
    },
  )
  owner.own(() => provider.stop())
  await provider.start()
  const driver = createCsiDriver({ socket, clock: systemClock })
  owner.own(() => driver.close())
  const told: string[] = []
  const orderOf = (fields: MountFields): MountOrder => mountOrder(fields, folder)
  const vault = azure.state.vaults.get(VAULT)
  if (vault === undefined) throw new Error('no vault')
  return {
    login,
    clock,
    driver,
    provider,
    vault,
    environments: folder,
    cloudFile,
    mount: (fields = {}) => driver.mount(orderOf(fields)),
    async refused(fields = {}) {
      const thrown: unknown = await driver.mount(orderOf(fields)).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(thrown instanceof Error, 'the mount was not refused')
      told.push(thrown.message)
      return thrown.message
    },
    async workload(name, claims = {}) {
      const assertion = await login.assertion({ sub: `system:serviceaccount:default:${name}`, ...claims })
      const tokens = {
        [AUDIENCE]: { token: assertion.reveal(), expirationTimestamp: '2030-01-01T00:00:00Z' },
      }
      return {
        usePodIdentity: 'false',
        clientID: clientIdOf(name),
        'csi.storage.k8s.io/serviceAccount.name': name,
        'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(tokens),
      }
    },
    file: (path, pod = POD) => readFileSync(join(folder, 'volumes', pod, path), 'utf8'),
    rotate(name, value) {
      const item = vault.secrets.items.get(name) ?? { name, versions: [] }
      vault.secrets.items.set(name, item)
      const now = Math.floor(Date.now() / 1_000)
      item.versions.push({
        version: String(item.versions.length + 1).padStart(32, '0'),
        content: { value, managed: false },
        created: now + item.versions.length,
        updated: now,
        enabled: true,
        tags: {},
      })
      secrets.add(value)
    },
    asked: () => azure.journal.requests.filter(({ service }) => service === 'vault').length,
    forget: () => azure.journal.clear(),
    metrics: () => registry.metrics(),
    async [Symbol.asyncDispose]() {
      const shown = await registry.metrics()
      await owner.close()
      const text = [...lines, ...told, shown].join('\n')
      assert.ok(text.includes('"the socket of the CSI driver is served"'), 'nothing was logged')
      assertHidden(secrets, text)
    },
  }
}

/** None of the tokens (nor their parts), assertions and values is in the text, as it is or in base64. */
export function assertHidden(secrets: Iterable<string>, text: string): void {
  for (const secret of secrets) {
    const parts = secret.startsWith('eyJ') ? secret.split('.').slice(1) : [secret]
    for (const part of [...parts, Buffer.from(secret).toString('base64').replace(/=+$/, '')])
      assert.ok(!text.includes(part), 'a secret was shown')
  }
}

/** A vault that `shop` may read, and `guest`, who may not, with a service account of his own. */
function plant({ azure, secrets }: LoginWorld): void {
  const credential = (name: string) => ({
    name,
    issuer: ISSUER,
    subject: `system:serviceaccount:default:${name}`,
    audiences: [AUDIENCE],
  })
  azure.plant({
    identities: [
      { id: identityId('guest'), clientId: clientIdOf('guest'), federatedCredentials: [credential('guest')] },
    ],
    vaults: [
      {
        name: VAULT,
        secrets: { db: DB_VALUE, api: API_VALUE },
        access: [{ principal: clientIdOf('shop'), secrets: ['get', 'list'] }],
      },
    ],
  })
  secrets.add(DB_VALUE).add(API_VALUE)
}

/** The emulated cloud as an environment file. */
function cloudOf(port: string): Record<string, unknown> {
  const origin = `https://localhost:${port}/`
  return {
    name: 'AzureStackCloud',
    activeDirectoryEndpoint: origin,
    resourceManagerEndpoint: origin,
    keyVaultDNSSuffix: `vault.localhost:${port}`,
    resourceIdentifiers: { keyVault: 'https://vault.azure.net' },
  }
}

function remembering(tokens: VaultTokens, secrets: Set<string>): VaultTokens {
  return {
    async token(login, signal) {
      const token = await tokens.token(login, signal)
      secrets.add(token.value.reveal())
      return token
    },
    refused: (login, token) => tokens.refused(login, token),
  }
}

/** What the driver asks for a mount; volumes are in the folder, each named after its pod. */
export function mountOrder(
  { pod = POD, parameters, objects = ['db'], ...rest }: MountFields,
  folder: string,
): MountOrder {
  const items = objects.map((each) => (each.includes(':') ? each : `objectName: ${each}, objectType: secret`))
  return {
    attributes: {
      keyvaultName: VAULT,
      tenantID: TENANT,
      usePodIdentity: 'true',
      objects: `array:\n${items.map((each) => `  - "{${each}}"\n`).join('')}`,
      'csi.storage.k8s.io/pod.name': pod,
      'csi.storage.k8s.io/pod.namespace': 'default',
      'csi.storage.k8s.io/serviceAccount.name': 'shop',
      ...parameters,
    },
    targetPath: join(folder, 'volumes', pod),
    ...rest,
  }
}
