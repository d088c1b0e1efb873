/** A real Kubernetes of several nodes on one machine, with an emulated Azure around it. */
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AzureEmulator } from '../../../emulator/azure/emulator.ts'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { Owner } from '../../../src/base/lifecycle.ts'
import { createKubectl, type Kubectl } from '../../harness/kubectl.ts'
import { type ClusterAddresses, clusterAddresses } from './addresses.ts'
import { type ApiReads, createApiReads } from './api-reads.ts'
import { type Binaries, kubernetesBinaries } from './binaries.ts'
import { type Claim, claimCluster, removeCluster } from './claim.ts'
import {
  AZURE_NAMES,
  azureJson,
  type ClusterMachine,
  clusterIssuer,
  MACHINES,
  type Machine,
  providerIdOf,
  startClusterAzure,
} from './cluster-azure.ts'
import { type ClusterNode, createNode } from './cluster-node.ts'
import { type ControlPlane, KUBELET_CLIENT_BINDING, startControlPlane } from './control-plane.ts'
import { type Credentials, createCredentials } from './credentials.ts'
import { pauseImage } from './images.ts'
import { startJanitor } from './janitor.ts'
import { type ClusterNetwork, createNetwork, forgetRules } from './network.ts'
import { nodeFiles, type Shape } from './node-config.ts'
import { type NodeObject, readyCondition } from './pod-object.ts'
import { createProgram } from './program.ts'
import { until } from './until.ts'

const NODES_DEADLINE_MS = 150_000

export interface ClusterOptions {
  readonly shape?: Shape
  /** `MACHINES` unless told. */
  readonly machines?: readonly Machine[]
  /** Archives that every node has from the start. */
  readonly images?: readonly string[]
  /** Of every kubelet. */
  readonly syncFrequency?: string
  readonly say?: (line: string) => void
  readonly clock?: Clock
}

export interface Cluster {
  readonly name: string
  readonly shape: Shape
  readonly addresses: ClusterAddresses
  readonly azure: AzureEmulator
  readonly controlPlane: ControlPlane
  readonly credentials: Credentials
  readonly kubectl: Kubectl
  readonly reads: ApiReads
  readonly nodes: readonly ClusterNode[]
  readonly machines: readonly Machine[]
  /** The kubeconfig of the administrator, as a file. */
  readonly kubeconfig: string
  node(name: string): ClusterNode
  importImage(archive: string): Promise<void>
  /** Copies what every part wrote, with the state of all objects, to a folder. */
  saveLogs(folder: string): Promise<void>
  close(): Promise<void>
}

/** Starts it and waits until its nodes are ready. @throws Error; nothing is left then. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock, say = () => {} } = options
  const binaries = await kubernetesBinaries(clock, say)
  const claim = await claimCluster(clock)
  const owner = new Owner()
  const janitor = startJanitor(claim.index)
  owner.own(() => janitor.dismiss())
  owner.own(() => removeCluster(claim, clock))
  try {
    return await build(options, { binaries, claim, owner, clock, say })
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

interface Site {
  readonly binaries: Binaries
  readonly claim: Claim
  readonly owner: Owner
  readonly clock: Clock
  readonly say: (line: string) => void
}

async function build(options: ClusterOptions, site: Site): Promise<Cluster> {
  const { claim, owner, clock, binaries } = site
  const { shape = 'routed', machines = MACHINES, syncFrequency } = options
  const addresses = clusterAddresses(claim.index)
  const network = await createNetwork(addresses, clock)
  const credentials = await createCredentials(
    claim.folder,
    addresses,
    machines.map(({ node }) => node),
  )
  const placed: ClusterMachine[] = machines.map((machine, at) => ({ ...machine, ip: addresses.node(at).ip }))
  const azure = await startClusterAzure(addresses, placed)
  owner.own(() => azure.close())
  azure.trust(clusterIssuer(addresses, credentials))
  await startNameServer(site, addresses)
  const controlPlane = await startControlPlane({ ...site, ...claim, addresses, credentials })
  owner.own(() => controlPlane.stop())
  const kubectl = await createKubectl(credentials.kubeconfig('admin'))
  owner.own(() => kubectl.close())
  const kubeconfig = await credentials.kubeconfigFile('admin')
  const reads = await createApiReads(kubeconfig, clock)
  owner.own(() => reads.close())
  await kubectl.ok(['apply', '-f', '-'], JSON.stringify(KUBELET_CLIENT_BINDING))
  const images = [await pauseImage(binaries), ...(options.images ?? [])]
  const nodes: ClusterNode[] = []
  for (const [index, machine] of placed.entries())
    nodes.push(
      await makeNode({
        ...site,
        index,
        machine,
        addresses,
        network,
        credentials,
        shape,
        images,
        ...(syncFrequency === undefined ? {} : { syncFrequency }),
      }),
    )
  owner.own(async () => {
    await Promise.all(nodes.map((node) => node.powerOff()))
  })
  await Promise.all(nodes.map((node) => node.powerOn()))
  await until('all nodes are ready', { clock, deadlineMs: NODES_DEADLINE_MS }, async () => {
    const states = await reads.list<NodeObject>('/api/v1/nodes')
    return states.filter((node) => readyCondition(node) !== undefined).length === nodes.length
  })
  await kubectl.ok(['wait', '--for=create', 'serviceaccount/default', '--timeout=30s'])
  return {
    name: addresses.name,
    shape,
    addresses,
    azure,
    controlPlane,
    credentials,
    kubectl,
    reads,
    nodes,
    machines,
    kubeconfig,
    node(name) {
      const node = nodes.find((each) => each.name === name)
      if (node === undefined) throw new Error(`the cluster has no node ${name}`)
      return node
    },
    async importImage(archive) {
      await Promise.all(nodes.map((node) => node.importImage(archive)))
    },
    saveLogs: (folder) => saveLogs(folder, claim, kubectl, nodes),
    close: () => owner.close(),
  }
}

/** Names of Azure lead to the emulator; no question is passed on to anybody. */
async function startNameServer({ claim, clock, owner }: Site, addresses: ClusterAddresses): Promise<void> {
  const logs = join(claim.folder, 'logs')
  await mkdir(logs, { recursive: true })
  const server = createProgram({
    name: 'dnsmasq',
    clock,
    logs,
    pids: claim.pids,
    argv: [
      'dnsmasq',
      '--keep-in-foreground',
      '--conf-file=/dev/null',
      '--pid-file',
      '--user=root',
      '--no-resolv',
      '--no-hosts',
      `--listen-address=${addresses.machine}`,
      '--bind-interfaces',
      `--host-record=kubernetes.default.svc.cluster.local,${addresses.apiService}`,
      ...AZURE_NAMES.map((name) => `--address=/${name}/${addresses.machine}`),
      '--address=/#/',
    ],
  })
  await server.start()
  owner.own(() => server.stop())
}

interface NodeSite extends Site {
  readonly index: number
  readonly machine: ClusterMachine
  readonly addresses: ClusterAddresses
  readonly network: ClusterNetwork
  readonly credentials: Credentials
  readonly shape: Shape
  readonly images: readonly string[]
  readonly syncFrequency?: string
}

async function makeNode(site: NodeSite): Promise<ClusterNode> {
  const { index, machine, addresses, credentials, claim, syncFrequency } = site
  const own = addresses.node(index)
  const cgroup = `${addresses.name}-${machine.node}`
  const namespace = await site.network.addNode(index)
  return createNode({
    ...site,
    name: machine.node,
    ip: own.ip,
    ip6: own.ip6,
    folder: join(claim.folder, machine.node),
    pids: claim.pids,
    cgroup,
    namespace,
    forgetRules: () => forgetRules(namespace, own),
    files: nodeFiles({
      shape: site.shape,
      addresses,
      own,
      cgroup: `/${cgroup}`,
      providerId: providerIdOf(machine),
      kubeconfigText: credentials.kubeconfig(`system:node:${machine.node}`),
      proxyKubeconfigText: credentials.kubeconfig('system:kube-proxy'),
      clientsCaPem: credentials.clientsCaPem,
      azureJson: azureJson(),
      ...(syncFrequency === undefined ? {} : { syncFrequency }),
    }),
  })
}

async function saveLogs(
  folder: string,
  claim: Claim,
  kubectl: Kubectl,
  nodes: readonly ClusterNode[],
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const objects = 'pods,events,nodes,csinodes,daemonsets,deployments,jobs,azureassignedidentities'
  const { stdout, stderr } = await kubectl.run(['get', objects, '-A', '-o', 'yaml'])
  await cp(join(claim.folder, 'logs'), folder, { recursive: true })
  await Promise.all(
    nodes.map(async (node) => {
      const own = join(folder, node.name)
      await cp(join(node.folder, 'logs'), own, { recursive: true })
      await cp(join(node.folder, 'state', 'var', 'log', 'pods'), join(own, 'pods'), { recursive: true })
    }),
  )
  await writeFile(join(folder, 'objects.yaml'), `${stdout}\n${stderr}`)
}
