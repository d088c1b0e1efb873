/** Both emulators in this process, and podid's components as processes of their own against them. */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { type AzureEmulator, startAzureEmulator } from '../emulator/azure/emulator.ts'
import type { SettingsInput } from '../emulator/azure/state/settings.ts'
import { type KubeEmulator, startKubeEmulator } from '../emulator/kube/kube-emulator.ts'
import { type RunningProcess, startProcess } from '../emulator/node/process.ts'
import type { Clock } from '../src/base/clock.ts'
import { systemClock } from '../src/base/clock.ts'
import { Owner } from '../src/base/lifecycle.ts'
import { RUNTIME_FLAGS } from '../src/cli/runtime-flags.ts'
import { clientIdOf, identityId, NODE_GROUP, scaleSetId } from './cluster-objects.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SOURCE = join(ROOT, 'src', 'main.ts')
const TENANT = '99999999-8888-4777-8666-555555555555'
const CLUSTER = 'cluster'

/** Wall clock with fractions of a milliseconds: the emulators' records are read to the microsecond. */
const fineClock: Clock = { ...systemClock, now: () => performance.timeOrigin + performance.now() }

export function fineNow(): number {
  return fineClock.now()
}

export interface RigOptions {
  readonly scaleSets: number
  readonly instances: number
  readonly identities: readonly string[]
  readonly azure?: SettingsInput
}

export interface ComponentProcess {
  readonly process: RunningProcess
  readonly metricsPort: number
  readonly probePort: number
  /** `performance.now()` when the process was started, and when `/readyz` first said so. */
  readonly startedAt: number
  readonly readyAt: number
  stop(): Promise<void>
}

export interface Rig {
  readonly azure: AzureEmulator
  readonly kube: KubeEmulator
  readonly caFile: string
  readonly folder: string
  readonly owner: Owner
  /** Resolves when it is ready. `nmiPort` for the node agent. */
  start(component: 'nmi' | 'mic', flags?: readonly string[], run?: RunOptions): Promise<ComponentProcess>
  close(): Promise<void>
}

export interface RunOptions {
  readonly program?: string
  readonly nodeFlags?: readonly string[]
}

/** An empty cluster with podid installed, and an Azure with the scale sets and identities. */
export async function startRig(options: RigOptions): Promise<Rig> {
  const owner = new Owner()
  try {
    return await open(options, owner)
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function open(options: RigOptions, owner: Owner): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-bench-'))
  owner.own(() => rm(folder, { recursive: true, force: true }))
  const azure = await startAzureEmulator({
    clock: fineClock,
    imds: [{ compute: `${scaleSetId(0)}/virtualMachines/0` }],
    seed: seedOf(options),
  })
  owner.own(() => azure.close())
  const kube = await startKubeEmulator({ clock: systemClock, auditEntries: 100_000, historyEvents: 50_000 })
  owner.own(() => kube.close())
  kube.load(await installation())
  const caFile = join(folder, 'ca.pem')
  const cloudFile = join(folder, 'cloud.json')
  const azureFile = join(folder, 'azure.json')
  const origin = `https://localhost:${new URL(azure.armUrl).port}/`
  await writeFile(caFile, azure.caPem)
  await writeFile(cloudFile, JSON.stringify(cloudOf(origin)))
  await writeFile(azureFile, JSON.stringify(azureJson()))
  const imdsPort = azure.imds.doors[0]?.port ?? 0
  const env = {
    // With managed identities alone the node agent speaks to nobody whose CA it would need to know.
    nmi: {},
    mic: {
      NODE_EXTRA_CA_CERTS: caFile,
      AZURE_ENVIRONMENT_FILEPATH: cloudFile,
      AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${imdsPort}`,
    },
  }
  const perComponent = {
    nmi: [
      '--manage-redirect=false',
      '--metadata-ip=127.0.0.1',
      `--metadata-port=${imdsPort}`,
      '--allow-network-plugin-kubenet',
    ],
    mic: [`--cloudconfig=${azureFile}`],
  }
  return {
    azure,
    kube,
    caFile,
    folder,
    owner,
    async start(component, flags = [], { program = SOURCE, nodeFlags = RUNTIME_FLAGS[component] } = {}) {
      const token = kube.issueToken({ namespace: 'default', serviceAccount: `podid-${component}` })
      // As in a pod: the service account's files and the address of the API server, no kubeconfig.
      const account = join(folder, component)
      await mkdir(account, { recursive: true })
      await writeFile(join(account, 'token'), token, { mode: 0o600 })
      await writeFile(join(account, 'ca.crt'), kube.caPem)
      const [probePort, metricsPort] = [await freePort(), await freePort()]
      const argv = [process.execPath, ...nodeFlags, program, component]
      argv.push(`--http-probe-port=${probePort}`, `--prometheus-port=${metricsPort}`)
      argv.push('--probe-address=127.0.0.1', ...perComponent[component], ...flags)
      const lines: string[] = []
      const startedAt = performance.now()
      const running = startProcess(argv, systemClock, {
        env: {
          ...env[component],
          KUBERNETES_SERVICE_HOST: '127.0.0.1',
          KUBERNETES_SERVICE_PORT: new URL(kube.url).port,
          SERVICE_ACCOUNT_DIRECTORY: account,
        },
        onLine(line) {
          lines.push(line)
          if (lines.length > 10) lines.shift()
        },
      })
      owner.own(() => running.stop())
      let ended = false
      const end = running.done.finally(() => {
        ended = true
      })
      end.catch(() => {})
      while (!(await isReady(probePort))) {
        if (ended || performance.now() - startedAt > 60_000)
          throw new Error(`podid ${component} did not become ready:\n${lines.join('\n')}`)
        await pause(5)
      }
      const readyAt = performance.now()
      return {
        process: running,
        metricsPort,
        probePort,
        startedAt,
        readyAt,
        stop: () => running.stop(25_000),
      }
    },
    close: () => owner.close(),
  }
}

function seedOf({ scaleSets, instances, identities, azure = {} }: RigOptions) {
  return {
    tenant: TENANT,
    identities: [
      ...identities.map((name) => ({ id: identityId(name), clientId: clientIdOf(name) })),
      {
        id: identityId(CLUSTER, 'nodes'),
        clientId: clientIdOf(CLUSTER),
        roles: [
          { role: 'Virtual Machine Contributor', scope: NODE_GROUP },
          { role: 'Managed Identity Operator', scope: '' },
        ],
      },
    ],
    scaleSets: Array.from({ length: scaleSets }, (_, set) => ({
      id: scaleSetId(set),
      identities: [identityId(CLUSTER, 'nodes')],
      instances: Array.from({ length: instances }, (_each, instance) => String(instance)),
    })),
    settings: azure,
  }
}

/** The custom resources and what each component may do. */
async function installation(): Promise<Record<string, unknown>[]> {
  const crds = join(ROOT, 'charts', 'podid', 'crds')
  const files = (await readdir(crds)).sort().map((name) => join(crds, name))
  const objects: Record<string, unknown>[] = []
  for (const file of [...files, join(ROOT, 'deploy', 'rbac.yaml')]) {
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      const object = document.toJS() as Record<string, unknown> | null
      if (object !== null) objects.push(object)
    }
  }
  return objects
}

function cloudOf(origin: string): Record<string, string> {
  return {
    name: 'AzureStackCloud',
    activeDirectoryEndpoint: origin,
    resourceManagerEndpoint: origin,
    serviceManagementEndpoint: 'https://management.core.windows.net/',
    tokenAudience: 'https://management.core.windows.net/',
  }
}

function azureJson(): Record<string, unknown> {
  return {
    cloud: 'AzureStackCloud',
    tenantId: TENANT,
    vmType: 'vmss',
    useManagedIdentityExtension: true,
    userAssignedIdentityID: clientIdOf(CLUSTER),
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return promise
}

/** A GET that is answered with its text; status 0 when nobody listens. */
export async function fetchText(
  port: number,
  path: string,
  from?: { localAddress: string; headers: Record<string, string> },
): Promise<{ status: number; text: string }> {
  const { promise, resolve } = Promise.withResolvers<{ status: number; text: string }>()
  get({ host: '127.0.0.1', port, path, agent: false, ...from }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
  }).on('error', (thrown) => resolve({ status: 0, text: String(thrown) }))
  return promise
}

async function isReady(port: number): Promise<boolean> {
  return (await fetchText(port, '/readyz')).status === 200
}

/** Waits for `/healthz` of MIC to say that it leads. */
export async function leading({ probePort }: ComponentProcess): Promise<void> {
  await until('MIC leads', 60_000, async () => {
    const { text } = await fetchText(probePort, '/healthz')
    return text.startsWith('Active')
  })
}

/** Polls until the condition holds. @throws Error when it does not within the time. */
export async function until(
  what: string,
  ms: number,
  holds: () => boolean | Promise<boolean>,
  everyMs = 10,
): Promise<void> {
  const end = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${ms / 1_000} s: ${what}`)
    await pause(everyMs)
  }
}

/** Resident memory of a process, MB (10^6 bytes). */
export function residentMb(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return (Number(line?.[1]) * 1_024) / 1e6
}
