import type { Clock } from '../../src/base/clock.ts'
import { createNamespace, deleteNamespace, type HostEntries, type Namespace } from './namespace.ts'
import type { ProcessOptions, RunningProcess } from './process.ts'
import { podWiring, type Shape } from './topology.ts'

export interface PodOptions {
  /** Lower-case letters, digits and dashes; unique in the sandbox while the pod lives. */
  readonly name: string
  /** An address of the sandbox's pod range; the first free one unless told. */
  readonly ip?: string
  /** Environment of every process in the pod. */
  readonly env?: Readonly<Record<string, string>>
  readonly hosts?: HostEntries
}

/** A pod as the network sees it: a namespace with eth0, addresses and a default route to the node. */
export interface SandboxPod {
  readonly name: string
  readonly namespace: string
  readonly ip: string
  readonly ip6: string
  /** Starts a program inside; it ends with the pod. */
  run(argv: readonly string[], options?: ProcessOptions): RunningProcess
  setHosts(entries: HostEntries): Promise<void>
  /** Ends its processes and removes its network; safe to call again. */
  stop(): Promise<void>
}

export interface PodSite {
  readonly clock: Clock
  readonly shape: Shape
  readonly node: Namespace
  readonly prefix: string
  readonly slot: number
  readonly ip: string
  readonly ip6: string
  /** Called once, when the pod's network is gone. */
  onGone(): void
}

export async function createPod(options: PodOptions, site: PodSite): Promise<SandboxPod> {
  const { clock, node, ip, ip6 } = site
  const namespace = await createNamespace(`${site.prefix}-pod-${options.name}`, clock)
  const wiring = podWiring(site.shape, site.slot, { ip, ip6, namespace: namespace.name })
  const running = new Set<RunningProcess>()
  let stopping: Promise<void> | undefined

  const setHosts = (entries: HostEntries): Promise<void> =>
    namespace.setHosts({ [options.name]: ip, ...entries })

  const stopAll = async (): Promise<void> => {
    await Promise.all([...running].map((each) => each.stop()))
    // Deleting one end of the pair at once frees the address; the kernel tears the namespace down later.
    await node.ip([`link del ${wiring.nodeEnd}`]).catch(() => {})
    await deleteNamespace(namespace.name, clock)
    site.onGone()
  }

  const pod: SandboxPod = {
    name: options.name,
    namespace: namespace.name,
    ip,
    ip6,
    run(argv, own = {}) {
      if (stopping !== undefined) throw new Error(`pod ${options.name} is stopped`)
      const process = namespace.start(argv, { ...own, env: { ...options.env, ...own.env } })
      running.add(process)
      const forget = (): boolean => running.delete(process)
      process.done.then(forget, forget)
      return process
    },
    setHosts,
    stop() {
      stopping ??= stopAll()
      return stopping
    },
  }
  try {
    await setHosts(options.hosts ?? {})
    await node.ip(wiring.node)
    await namespace.ip(wiring.pod)
  } catch (thrown) {
    await pod.stop()
    throw thrown
  }
  return pod
}
