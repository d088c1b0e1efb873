import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AzureEmulator, startAzureEmulator } from '../../../emulator/azure/emulator.ts'
import { type KubeEmulator, startKubeEmulator } from '../../../emulator/kube/kube-emulator.ts'
import type { Clock } from '../../base/clock.ts'
import type { Owner } from '../../base/lifecycle.ts'
import { kubeconfigConnection } from '../../kube/kubeconfig.ts'
import { createRest, type Rest } from '../../kube/rest.ts'
import type { AppRun } from './application.ts'
import { azureSeed, NODE_NAME, PROVIDER_ID, SCALE_SET } from './azure-seed.ts'
import { createKubelet, type Kubelet } from './kubelet.ts'
import { applyManifest, readManifests } from './manifests.ts'
import { packageFolder } from './package-folder.ts'
import { AZURE_NAMES, type Place } from './place.ts'

/** What the demo plays in: the two emulators, one node, and a folder for its files. */
export interface DemoWorld {
  readonly clock: Clock
  readonly managed: boolean
  /** Volumes from Key Vault are what is told. */
  readonly keyvault: boolean
  readonly place: Place
  readonly azure: AzureEmulator
  readonly kube: KubeEmulator
  /** The administrator's door to the API, as kubectl would use it. */
  readonly rest: Rest
  readonly kubelet: Kubelet
  /** Files of the demo: kubeconfigs, CA. Gone at the end. */
  readonly folder: string
  readonly kubeconfig: string
  readonly examples: string
  /** The secret in the vault, known to nobody else. */
  readonly password: string
  /** The application of the bound pod, when it was started before its identity was there. */
  startedEarly: Promise<AppRun> | undefined
  /** Writes the kubeconfig of a component's service account; returns the file. */
  componentKubeconfig(component: 'nmi' | 'mic'): Promise<string>
  /** What ARM knows of the scale set. */
  scaleSet(): { readonly patches: number; readonly identities: readonly string[] }
}

export interface WorldOptions {
  readonly clock: Clock
  readonly managed: boolean
  readonly keyvault: boolean
  /** Opens the emulated Azure's door for administrators, who may change the vault. */
  readonly admin: boolean
  readonly place: Place
  readonly owner: Owner
  readonly onProblem: (text: string) => void
}

/** Starts everything that podid itself is not. */
export async function createWorld(options: WorldOptions): Promise<DemoWorld> {
  const { clock, managed, keyvault, place, owner, onProblem } = options
  const folder = await mkdtemp(join(tmpdir(), 'podid-demo-'))
  owner.own(() => rm(folder, { recursive: true, force: true }))
  const password = randomBytes(18).toString('base64url')
  const azure = await startAzure(options, { password, folder })
  const kube = await startKubeEmulator({ clock, host: place.hostAddress, onDefect: onProblem })
  owner.own(() => kube.close())
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kube.kubeconfig(), { mode: 0o600 })
  const connection = await kubeconfigConnection(kubeconfig)
  owner.own(() => connection.close())
  const rest = createRest(connection, clock)
  const kubelet = createKubelet({ rest, node: NODE_NAME, place, clock, onProblem })
  owner.own(() => kubelet.stop())
  await kubelet.start()
  return {
    clock,
    managed,
    keyvault,
    place,
    azure,
    kube,
    rest,
    kubelet,
    folder,
    kubeconfig,
    password,
    examples: join(packageFolder(), 'examples', 'quickstart'),
    startedEarly: undefined,
    async componentKubeconfig(component) {
      const token = kube.issueToken({ namespace: 'default', serviceAccount: `podid-${component}` })
      const file = join(folder, `kubeconfig-${component}`)
      await writeFile(file, kube.kubeconfig().replaceAll(kube.adminToken, token), { mode: 0o600 })
      return file
    },
    scaleSet: () => scaleSetOf(azure),
  }
}

async function startAzure(
  { place, managed, keyvault, admin, owner }: WorldOptions,
  { password, folder }: { readonly password: string; readonly folder: string },
): Promise<AzureEmulator> {
  const azure = await startAzureEmulator({
    host: place.hostAddress,
    port: place.azurePort,
    ...(admin ? { adminPort: 0 } : {}),
    names: [...AZURE_NAMES, place.hostAddress],
    imds: [{ compute: `${SCALE_SET}/virtualMachines/0`, host: place.hostAddress }],
    seed: azureSeed({ managed, keyvault, password }),
  })
  owner.own(() => azure.close())
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, azure.caPem)
  const httpsPort = Number(new URL(azure.armUrl).port || 443)
  const imdsPort = azure.imds.doors[0]?.port ?? 0
  await place.connectAzure({ httpsPort, imdsPort, caFile, folder })
  return azure
}

function scaleSetOf(azure: AzureEmulator): { patches: number; identities: readonly string[] } {
  const patches = azure.journal.requests.filter(
    (request) =>
      request.method === 'PATCH' && request.target.toLowerCase().startsWith(SCALE_SET.toLowerCase()),
  ).length
  const compute = azure.state.computes.get(SCALE_SET.toLowerCase())
  return { patches, identities: [...(compute?.identity.user.keys() ?? [])] }
}

/** What an installation brings: the CRDs, what each component may do, and a node. */
export async function installCluster(world: DemoWorld, signal: AbortSignal): Promise<string[]> {
  const root = packageFolder()
  const applied: string[] = []
  for (const file of [...CRDS.map((name) => `charts/podid/crds/${name}.yaml`), 'deploy/rbac.yaml']) {
    for (const object of await readManifests(join(root, file))) {
      await applyManifest(world.rest, object, signal)
      applied.push(`${object.kind} ${object.metadata.name}`)
    }
  }
  await applyManifest(
    world.rest,
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: NODE_NAME },
      spec: { providerID: PROVIDER_ID },
    },
    signal,
  )
  return applied
}

const CRDS = [
  'azureidentities',
  'azureidentitybindings',
  'azureassignedidentities',
  'azurepodidentityexceptions',
]
