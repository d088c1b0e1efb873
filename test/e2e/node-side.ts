/** What can be done on a node without the API server. */
import { randomUUID } from 'node:crypto'
import { type Answer, type AppPod, type TokenOrder, tokenFlags } from './app-pod.ts'
import type { ApiReads } from './cluster/api-reads.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'
import { firstContainer } from './cluster/pod-object.ts'

/** Containerd's id of a pod's first container. */
export async function containerOf(reads: ApiReads, namespace: string, pod: string): Promise<string> {
  const id = firstContainer(await reads.pod(namespace, pod))?.containerID
  if (id === undefined) throw new Error(`${namespace}/${pod} has no container yet`)
  return id.replace('containerd://', '')
}

/** Containerd's ids of the containers that hold a pod's network: one, or two for a moment when one has ended. */
export async function sandboxesOf(node: ClusterNode, pod: AppPod): Promise<string[]> {
  const { uid } = (await pod.object()).metadata
  const filter = `labels."io.kubernetes.pod.uid"==${uid},labels."io.cri-containerd.kind"==sandbox`
  const stdout = await containerd(node, ['containers', 'list', '--quiet', filter])
  return stdout.split('\n').filter((id) => id !== '')
}

/** SIGKILL to its first process, as the kernel does when memory is short. */
export async function killContainer(node: ClusterNode, container: string): Promise<void> {
  await containerd(node, ['tasks', 'kill', '--signal', 'SIGKILL', container])
}

/** SIGSTOP: it goes on existing and answers nothing. */
export async function freezeContainer(node: ClusterNode, container: string): Promise<void> {
  await containerd(node, ['tasks', 'kill', '--signal', 'SIGSTOP', container])
}

const MOST_TRIES = 5

/** The test application in a pod, asked by the node's containerd. */
export class AppOnNode {
  readonly #node: ClusterNode
  readonly #container: string

  constructor(node: ClusterNode, container: string) {
    this.#node = node
    this.#container = container
  }

  /** Asks for a token once. */
  async token(order: TokenOrder = {}): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const exec = ['tasks', 'exec', '--exec-id', randomUUID(), this.#container]
      const stdout = await containerd(this.#node, [...exec, '/app', 'token', ...tokenFlags(order)])
      // ctr may leave before it has copied what a quick program wrote.
      if (stdout !== '' || tries === MOST_TRIES) return JSON.parse(stdout) as Answer
    }
  }
}

/** Found while the API server answers; works when it does not any more. */
export async function appOnNode(reads: ApiReads, node: ClusterNode, pod: AppPod): Promise<AppOnNode> {
  return new AppOnNode(node, await containerOf(reads, pod.namespace, pod.name))
}

async function containerd(node: ClusterNode, args: readonly string[]): Promise<string> {
  const { stdout } = await node.run(['ctr', '--namespace', 'k8s.io', ...args], 120_000)
  return stdout
}
