/**
 * A cluster for the suite of real clients that starts in a second: both emulators, podid's components with
 * their real command lines on a node of network namespaces, real packet rules. A pod is a network of its own;
 * its program runs on the files of this machine, or of the client's image.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { type AzureEmulator, startAzureEmulator } from '../../../emulator/azure/emulator.ts'
import type { SeedDocument } from '../../../emulator/azure/state/seed-document.ts'
import { type KubeEmulator, startKubeEmulator } from '../../../emulator/kube/kube-emulator.ts'
import { createNodeSandbox, type NodeSandbox } from '../../../emulator/node/sandbox.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { Owner } from '../../../src/base/lifecycle.ts'
import { podidDefinitions } from '../../harness/kube-emulator.ts'
import { NODE, PROVIDER_ID, SCALE_SET } from '../../harness/system-azure.ts'
import { Happenings } from '../../harness/system-happenings.ts'
import { bindingManifest, identityManifest, podManifest } from '../../harness/system-manifests.ts'
import { clientIdOf, identityId, SUBSCRIPTION, TENANT } from '../../make/objects.ts'
import { APPS, claimsOf, plantClientIdentity, plantVault, VAULT_HOST } from './client-azure.ts'
import type { ClientCluster, ClientIdentity, ClientPod, PodEnd } from './client-cluster.ts'
import { type ClientName, IMAGE_ENV, PROGRAMS, trusting } from './client-programs.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
const RBAC = new URL('../../../deploy/rbac.yaml', import.meta.url)
/** Names that programs ask for, and that the emulator answers to. */
const AZURE_NAMES = ['login.microsoftonline.com', 'management.azure.com', VAULT_HOST]
/** MIC's own: it may put every identity of the applications on the nodes. */
const MIC_IDENTITY = identityId('cluster', 'nodes')
const MIC_CLIENT = clientIdOf('clustr')
const PROBES = { nmi: 20_080, mic: 20_081 }

/**
 * Runs a program on an image's files, which it may not change, as the image's user: what a container engine
 * does, without its cgroups and capabilities.
 */
const IN_IMAGE = `
root=$1 ca=$2
shift 2
mount --bind "$root" "$root"
mount --bind /etc/hosts "$root/etc/hosts"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$ca" "$root/etc/azure-ca.crt"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot --userspec=65532:65532 "$root" "$@"`

export interface SandboxClusterOptions {
  /** Folder with the unpacked image of a client. */
  readonly root: (client: ClientName) => string
  /** Every line of podid's components. */
  readonly onLine?: (component: string, line: string) => void
  readonly nmiFlags?: readonly string[]
}

export interface SandboxCluster extends ClientCluster {
  readonly azure: AzureEmulator
  close(): Promise<void>
}

export async function startSandboxCluster(options: SandboxClusterOptions): Promise<SandboxCluster> {
  const owner = new Owner()
  try {
    return await start(options, owner)
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

async function start(options: SandboxClusterOptions, owner: Owner): Promise<SandboxCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'podid-clients-'))
  owner.own(() => rm(folder, { recursive: true, force: true }))
  const sandbox = await createNodeSandbox({ clock: systemClock, shape: 'routed', prefix: 'podidcli' })
  owner.own(() => sandbox.close())
  const azure = await startAzureEmulator({
    host: sandbox.hostAddress,
    port: 443,
    imds: [{ compute: `${SCALE_SET}/virtualMachines/0` }],
    seed: SEED,
  })
  owner.own(() => azure.close())
  const kube = await startKubeEmulator({ host: sandbox.hostAddress })
  owner.own(() => kube.close())
  kube.load(await podidDefinitions())
  kube.load(await rights())
  kube.load([{ apiVersion: 'v1', kind: 'Node', metadata: { name: NODE }, spec: { providerID: PROVIDER_ID } }])
  const hosts = Object.fromEntries(AZURE_NAMES.map((name) => [name, sandbox.hostAddress]))
  await sandbox.setNodeHosts(hosts)
  await sandbox.forwardImds(azure.imds.doors[0]?.port ?? 0)
  const ca = join(folder, 'ca.crt')
  await writeFile(ca, azure.caPem)
  await startComponents({ options, sandbox, kube, folder, ca, owner })
  const vault = plantVault(azure, randomBytes(18).toString('base64url'))

  const bound = (selector: string, name: string): ClientIdentity => {
    const identity = plantClientIdentity(azure, name)
    const spec = { resourceID: identity.resourceId, clientID: identity.clientId }
    kube.load([identityManifest(name, spec)])
    const binding = bindingManifest(name)
    kube.load([{ ...binding, spec: { azureIdentity: name, selector } }])
    return identity
  }

  async function run(pod: ClientPod): Promise<PodEnd> {
    const program = PROGRAMS[pod.client]
    const place = await sandbox.startPod({ name: pod.name, hosts })
    try {
      kube.load([podManifest(pod.name, pod.selector, place.ip)])
      const inImage = ['unshare', '--mount', 'sh', '-e', '-c', IN_IMAGE, 'sh', options.root(pod.client), ca]
      const { code, stdout, stderr } = await place.run([...inImage, ...program.argv('/app'), ...pod.args], {
        env: { ...IMAGE_ENV, ...program.env('/app'), ...trusting('/etc/azure-ca.crt') },
        deadlineMs: pod.deadlineMs,
      }).done
      return { exitCode: code, stdout, stderr }
    } finally {
      kube.remove('pods', `default/${pod.name}`)
      await place.stop()
    }
  }

  return {
    place: 'a node of network namespaces',
    azure,
    vault,
    settings: async (change) => azure.change(change),
    bind: async (selector, names) => names.map((name) => bound(selector, name)),
    unbound: async (name) => plantClientIdentity(azure, name),
    run,
    claims: (token) => claimsOf(azure, token),
    close: () => owner.close(),
  }
}

type Fields = Record<string, unknown>

async function rights(): Promise<Fields[]> {
  const documents = parseAllDocuments(await readFile(RBAC, 'utf8'))
  return documents.map((each) => each.toJS() as Fields | null).filter((each) => each !== null)
}

const SEED: SeedDocument = {
  tenant: TENANT,
  subscriptions: [SUBSCRIPTION],
  identities: [
    {
      id: MIC_IDENTITY,
      clientId: MIC_CLIENT,
      roles: [
        { role: 'Virtual Machine Contributor', scope: identityId('x', 'nodes').replace(/\/providers.*/, '') },
        { role: 'Managed Identity Operator', scope: APPS },
      ],
    },
  ],
  scaleSets: [
    { id: SCALE_SET, identities: [MIC_IDENTITY], instances: [{ instanceId: '0', computerName: NODE }] },
  ],
}

interface ComponentSite {
  readonly options: SandboxClusterOptions
  readonly sandbox: NodeSandbox
  readonly kube: KubeEmulator
  readonly folder: string
  readonly ca: string
  readonly owner: Owner
}

/** NMI and MIC as processes on the node; resolves when both do their work. */
async function startComponents(site: ComponentSite): Promise<void> {
  const { folder, options } = site
  const happenings = new Happenings()
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const azureJson = {
    cloud: 'AzurePublicCloud',
    tenantId: TENANT,
    subscriptionId: SUBSCRIPTION,
    useManagedIdentityExtension: true,
    userAssignedIdentityID: MIC_CLIENT,
  }
  const kubelet = await file('kubelet', 'KUBELET_EXTRA_ARGS=--network-plugin=cni\n')
  const component = async (name: 'nmi' | 'mic', flags: readonly string[], ready: RegExp): Promise<void> => {
    const token = site.kube.issueToken({ namespace: 'default', serviceAccount: `podid-${name}` })
    const kubeconfig = site.kube.kubeconfig().replaceAll(site.kube.adminToken, token)
    const lines: string[] = []
    const own = [
      `--kubeconfig=${await file(`kubeconfig-${name}`, kubeconfig)}`,
      `--probe-address=127.0.0.1`,
      `--http-probe-port=${PROBES[name]}`,
      '--prometheus-port=0',
    ]
    site.sandbox.runOnNode([process.execPath, MAIN, name, ...own, ...flags], {
      env: { NODE_EXTRA_CA_CERTS: site.ca },
      onLine(line) {
        lines.push(line)
        options.onLine?.(name, line)
        happenings.tell()
      },
    })
    await happenings.until(`podid ${name}: ${String(ready)}; it said: ${lines.join('\n')}`, () =>
      lines.some((line) => ready.test(line)),
    )
  }
  const nmi = [`--node=${NODE}`, `--kubelet-config=${kubelet}`, ...(options.nmiFlags ?? [])]
  await component('nmi', nmi, /token requests are answered/)
  await component(
    'mic',
    [`--cloudconfig=${await file('azure.json', JSON.stringify(azureJson))}`],
    /started probes/,
  )
}
