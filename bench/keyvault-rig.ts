/** An emulated Azure with a vault in this process, and `podid keyvault-provider` as it is shipped, in its own. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { credentials, Metadata } from '@grpc/grpc-js'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type AzureEmulator, startAzureEmulator } from '../emulator/azure/emulator.ts'
import { CSIDriverProviderClient, type MountAnswer } from '../emulator/csi/generated/driver.ts'
import { startProcess } from '../emulator/node/process.ts'
import { systemClock } from '../src/base/clock.ts'
import { Owner } from '../src/base/lifecycle.ts'
import { RUNTIME_FLAGS } from '../src/cli/runtime-flags.ts'
import { TENANT } from '../test/make/objects.ts'
import { clientIdOf, identityId, identityName } from './cluster-objects.ts'
import { freePort, residentMb } from './rig.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUNDLE = join(ROOT, 'dist', 'podid.js')
const ISSUER = 'https://issuer.example/bench'
const AUDIENCE = 'api://AzureADTokenExchange'
const VAULT = 'bench-vault'
const VAULT_RESOURCE = 'https://vault.azure.net'

/** Names of vaults do not resolve here. JavaScript, so that nothing is loaded to read it. */
const NAMES = `import dns from 'node:dns'; const real = dns.lookup
dns.lookup = (name, ...rest) => real(name.endsWith('.vault.localhost') ? '127.0.0.1' : name, ...rest)`

export interface KeyVaultRig {
  readonly azure: AzureEmulator
  /** Starts the provider, as its image does. */
  start(flags?: readonly string[]): Promise<ProviderProcess>
  /** One GET of one object by a bare client over a kept-alive connection. */
  bareRead(object: number): Promise<void>
  /** Requests that reached the vault, and tokens that Entra gave, since the last `clear` of the journal. */
  counts(): { readonly vault: number; readonly entra: number }
  /** The service-account token of a pod, which is bound to the identity of that number. */
  assertion(pod: string, identity: number): Promise<string>
  close(): Promise<void>
}

export interface ProviderProcess {
  /** The CSI driver's call alone, without its writing of files. */
  mount(mount: Mount): Promise<MountAnswer>
  /** MB (10^6 bytes). */
  rss(): number
  /** User and system time since the start, milliseconds. */
  cpuMs(): number
  stop(): Promise<void>
}

export interface Mount {
  readonly pod: string
  readonly identity: number
  readonly assertion: string
  /** Lines of the class, from `objectsText`. */
  readonly objects: string
  /** Folder of the volume; that of the pod unless told. */
  readonly target?: string
}

/** The first so many objects of the vault; `version` pins them. */
export function objectsText(count: number, version?: (object: string) => string): string {
  const items = Array.from({ length: count }, (_, index) => {
    const name = `o-${index}`
    const pinned = version === undefined ? '' : `, objectVersion: ${version(name)}`
    return `  - "{objectName: ${name}, objectType: secret${pinned}}"\n`
  })
  return `array:\n${items.join('')}`
}

/** Once for all figures of a run. */
let built: Promise<unknown> | undefined

export async function startKeyVaultRig(options: {
  readonly identities: number
  readonly objects: number
  readonly latencyMs: number
}): Promise<KeyVaultRig> {
  built ??= promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: ROOT })
  await built
  const owner = new Owner()
  try {
    return await open(options, owner)
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function open(options: Parameters<typeof startKeyVaultRig>[0], owner: Owner): Promise<KeyVaultRig> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-bench-'))
  owner.own(() => rm(folder, { recursive: true, force: true }))
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  const azure = await startAzureEmulator({
    seed: seedOf(options),
    settings: { vaultTransactionsPer10s: 1_000_000 },
    trustedIssuers: [{ issuer: ISSUER, jwks: { keys: [jwk] } }],
  })
  owner.own(() => azure.close())
  if (options.latencyMs > 0)
    azure.faults.add({
      service: 'vault',
      effect: { kind: 'latency', latency: { kind: 'fixed', ms: options.latencyMs } },
    })
  const { port } = new URL(azure.vaultAddress)
  const caFile = join(folder, 'ca.pem')
  const cloudFile = join(folder, 'cloud.json')
  await writeFile(caFile, azure.caPem)
  await writeFile(cloudFile, JSON.stringify(cloudOf(port)))
  const agent = new Agent({ keepAlive: true, ca: azure.caPem })
  owner.own(() => agent.destroy())
  const token = await azure.mint({ principal: identityName(0), audience: VAULT_RESOURCE })
  let starts = 0
  return {
    azure,
    async start(flags = []) {
      starts += 1
      const socket = join(folder, `azure-${starts}.sock`)
      const provider = await startProvider(socket, flags, {
        NODE_EXTRA_CA_CERTS: caFile,
        AZURE_ENVIRONMENT_FILEPATH: cloudFile,
      })
      owner.own(() => provider.stop())
      return provider
    },
    bareRead: (object) => get(`${azure.vaultAddress}/secrets/o-${object}/?api-version=7.4`, token, agent),
    counts() {
      const { counters } = azure.journal
      const sum = (service: string): number =>
        Object.entries(counters).reduce(
          (all, [name, count]) => all + (name.startsWith(service) ? count : 0),
          0,
        )
      return { vault: sum('vault.'), entra: sum('entra.token') }
    },
    assertion: (pod, identity) =>
      new SignJWT({ iss: ISSUER, sub: subjectOf(identity), aud: [AUDIENCE], jti: pod })
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setExpirationTime('2h')
        .sign(privateKey),
    close: () => owner.close(),
  }
}

function subjectOf(identity: number): string {
  return `system:serviceaccount:default:${identityName(identity)}`
}

function seedOf({ identities, objects }: { identities: number; objects: number }) {
  const names = Array.from({ length: identities }, (_, index) => index)
  return {
    tenant: TENANT,
    identities: names.map((index) => {
      const name = identityName(index)
      const credential = { name, issuer: ISSUER, subject: subjectOf(index), audiences: [AUDIENCE] }
      return { id: identityId(name), clientId: clientIdOf(name), federatedCredentials: [credential] }
    }),
    vaults: [
      {
        name: VAULT,
        secrets: Object.fromEntries(
          Array.from({ length: objects }, (_, index) => [`o-${index}`, `value-${index}-`.repeat(8)]),
        ),
        access: [{ principal: '*', secrets: ['get', 'list'] }],
      },
    ],
  }
}

function cloudOf(port: string): Record<string, unknown> {
  return {
    name: 'AzureStackCloud',
    activeDirectoryEndpoint: `https://localhost:${port}/`,
    resourceManagerEndpoint: `https://localhost:${port}/`,
    keyVaultDNSSuffix: `vault.localhost:${port}`,
    resourceIdentifiers: { keyVault: VAULT_RESOURCE },
  }
}

async function startProvider(
  socket: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ProviderProcess> {
  const running = startProcess(
    [
      process.execPath,
      `--import=data:text/javascript,${encodeURIComponent(NAMES)}`,
      ...RUNTIME_FLAGS['keyvault-provider'],
      BUNDLE,
      'keyvault-provider',
      `--endpoint=unix://${socket}`,
      '--probe-address=127.0.0.1',
      `--healthz-port=${await freePort()}`,
      `--prometheus-port=${await freePort()}`,
      '--cloud-name=AzureStackCloud',
      ...flags,
    ],
    systemClock,
    { env },
  )
  const client = new CSIDriverProviderClient(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 200,
  })
  const ready = Promise.withResolvers<void>()
  client.waitForReady(Date.now() + 60_000, (error) =>
    error === undefined ? ready.resolve() : ready.reject(error),
  )
  const pid = running.pid ?? 0
  const provider = {
    mount: (mount: Mount) => call(client, mount),
    rss: () => residentMb(pid),
    cpuMs: () => cpuMs(pid),
    async stop() {
      client.close()
      await running.stop(25_000)
    },
  }
  try {
    await ready.promise
    return provider
  } catch (thrown) {
    await provider.stop()
    throw thrown
  }
}

function call(client: CSIDriverProviderClient, mount: Mount): Promise<MountAnswer> {
  const { pod, identity, assertion, objects, target = pod } = mount
  const attributes = {
    keyvaultName: VAULT,
    tenantID: TENANT,
    clientID: clientIdOf(identityName(identity)),
    objects,
    'csi.storage.k8s.io/pod.name': pod,
    'csi.storage.k8s.io/pod.namespace': 'default',
    'csi.storage.k8s.io/serviceAccount.name': identityName(identity),
    'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify({ [AUDIENCE]: { token: assertion } }),
  }
  const { promise, resolve, reject } = Promise.withResolvers<MountAnswer>()
  client.mount(
    {
      attributes: JSON.stringify(attributes),
      secrets: 'null',
      targetPath: `/var/lib/kubelet/pods/${target}/volumes/kubernetes.io~csi/secrets/mount`,
      permission: '420',
      currentObjectVersion: [],
    },
    new Metadata(),
    { deadline: Date.now() + 120_000 },
    (error, answer) => (error === null ? resolve(answer) : reject(error)),
  )
  return promise
}

async function get(url: string, token: string, agent: Agent): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
    response.resume()
    response.on('end', () =>
      response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
    )
  })
    .on('error', reject)
    .end()
  return promise
}

/** Linux counts a hundred ticks a second, whatever the machine. */
const TICK_MS = 10

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
