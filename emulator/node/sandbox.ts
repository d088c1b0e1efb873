import type { Clock } from '../../src/base/clock.ts'
import { Owner } from '../../src/base/lifecycle.ts'
import { pod6Of, podAddresses, type SandboxAddresses, sandboxAddresses } from './addresses.ts'
import { type Claim, claimSandbox, removeLeftovers } from './claim.ts'
import { batch, createNamespace, type HostEntries, type Namespace } from './namespace.ts'
import { createPod, type PodOptions, type SandboxPod } from './pod.ts'
import type { ProcessOptions, RunningProcess } from './process.ts'
import { removeSandbox, startJanitor } from './removal.ts'
import { imdsForwarding, type Shape, sandboxWiring } from './topology.ts'

export interface NodeSandboxOptions {
  readonly clock: Clock
  readonly shape: Shape
  /** First part of every name that is made: 1 to 8 lower-case letters. */
  readonly prefix?: string
  /** Names that processes on the node can resolve. */
  readonly hosts?: HostEntries
}

/** A Kubernetes node as the network sees it, with an Azure around it. */
export interface NodeSandbox {
  readonly name: string
  readonly shape: Shape
  /** This machine's end of the link: a server that listens here is reached from the node and its pods. */
  readonly hostAddress: string
  readonly nodeAddress: string
  readonly nodeAddress6: string
  readonly nodeNamespace: string
  readonly azureNamespace: string
  /** The pod addresses that are free now. */
  freeAddresses(): string[]
  /** Requests to 169.254.169.254:80 that leave the node go to `hostAddress:port`, with the node's address as source. */
  forwardImds(port: number): Promise<void>
  startPod(options: PodOptions): Promise<SandboxPod>
  /** Starts a program in the node's namespace (host network); it ends with the sandbox. */
  runOnNode(argv: readonly string[], options?: ProcessOptions): RunningProcess
  setNodeHosts(entries: HostEntries): Promise<void>
  /** Removes everything; safe to call again. A process that dies without it is cleaned up after. */
  close(): Promise<void>
}

/**
 * Makes a node: needs root on Linux (see `probeNodeSandbox`). First removes what killed processes left.
 * @throws Error with the command that failed; nothing is left then.
 */
export async function createNodeSandbox(options: NodeSandboxOptions): Promise<NodeSandbox> {
  const { clock, shape } = options
  const prefix = options.prefix ?? 'podid'
  if (!/^[a-z]{1,8}$/.test(prefix)) throw new Error(`prefix "${prefix}" is not 1 to 8 lower-case letters`)
  await removeLeftovers(clock)
  const claim = await claimSandbox(prefix, clock)
  const owner = new Owner()
  const janitor = startJanitor(claim.name, claim.file)
  owner.own(() => janitor.dismiss())
  owner.own(() => removeSandbox(claim.name, claim.file, clock))
  try {
    return await wire(claim, options, { owner, clock, shape })
  } catch (thrown) {
    await owner.close()
    throw thrown
  }
}

interface Site {
  readonly owner: Owner
  readonly clock: Clock
  readonly shape: Shape
}

async function wire(claim: Claim, options: NodeSandboxOptions, site: Site): Promise<NodeSandbox> {
  const { clock, shape, owner } = site
  const { name } = claim
  const addresses = sandboxAddresses(claim.index)
  const azure = await createNamespace(`${name}-azure`, clock)
  const node = await createNamespace(`${name}-node`, clock)
  const wiring = sandboxWiring(name, addresses, shape)
  await batch([], wiring.host, clock)
  await azure.ip(wiring.azure)
  await node.ip(wiring.node)
  await azure.sysctl(wiring.sysctls.azure)
  await node.sysctl(wiring.sysctls.node)
  const setNodeHosts = (entries: HostEntries): Promise<void> =>
    node.setHosts({ [name]: addresses.node, ...entries })
  await setNodeHosts(options.hosts ?? {})
  const pods = createPods(claim, node, site)
  const running = new Set<RunningProcess>()
  owner.own(async () => {
    await Promise.all([...running].map((each) => each.stop()))
  })
  owner.own(() => pods.stop())
  return {
    name,
    shape,
    ...publicAddresses(addresses),
    nodeNamespace: node.name,
    azureNamespace: azure.name,
    freeAddresses: () => pods.free(),
    async forwardImds(port) {
      await azure.run(['iptables-restore', '--wait'], {
        stdin: imdsForwarding(addresses, port),
        deadlineMs: 10_000,
      })
    },
    startPod: (pod) => pods.start(pod),
    runOnNode(argv, own = {}) {
      owner.signal.throwIfAborted()
      const process = node.start(argv, own)
      running.add(process)
      const forget = (): boolean => running.delete(process)
      process.done.then(forget, forget)
      return process
    },
    setNodeHosts,
    close: () => owner.close(),
  }
}

function publicAddresses(a: SandboxAddresses): {
  hostAddress: string
  nodeAddress: string
  nodeAddress6: string
} {
  return { hostAddress: a.host, nodeAddress: a.node, nodeAddress6: a.node6 }
}

interface Pods {
  free(): string[]
  start(options: PodOptions): Promise<SandboxPod>
  stop(): Promise<void>
}

function createPods(claim: Claim, node: Namespace, site: Site): Pods {
  const taken = new Map<string, SandboxPod | undefined>()
  let slots = 0
  const free = (): string[] => podAddresses(claim.index).filter((ip) => !taken.has(ip))
  return {
    free,
    async start(options) {
      site.owner.signal.throwIfAborted()
      if (!/^[a-z0-9-]{1,63}$/.test(options.name)) throw new Error(`pod name "${options.name}" is not valid`)
      const ip = options.ip ?? free()[0]
      if (ip === undefined || !free().includes(ip)) {
        const range = sandboxAddresses(claim.index).podRange
        throw new Error(`pod ${options.name}: address ${ip ?? ''} is taken or not a pod address of ${range}`)
      }
      taken.set(ip, undefined)
      slots += 1
      const onGone = (): boolean => taken.delete(ip)
      const ip6 = pod6Of(claim.index, ip)
      try {
        const place = { ...site, node, prefix: claim.name, slot: slots, ip, ip6, onGone }
        const pod = await createPod(options, place)
        taken.set(ip, pod)
        return pod
      } catch (thrown) {
        taken.delete(ip)
        throw thrown
      }
    },
    async stop() {
      const started = [...taken.values()].filter((pod) => pod !== undefined)
      await Promise.all(started.map((pod) => pod.stop()))
    },
  }
}
