/** What can be done on a node without the API server. */
import { randomUUID } from 'node:crypto'
import type { Kubectl } from '../harness/kubectl.ts'
import { type Answer, type AppPod, type TokenOrder, tokenFlags } from './app-pod.ts'
import type { ClusterNode } from './cluster/cluster-node.ts'

/** Containerd's id of a pod's first container. */
export async function containerOf(kubectl: Kubectl, namespace: string, pod: string): Promise<string> {
  const path = 'jsonpath={.status.containerStatuses[0].containerID}'
  const text = await kubectl.ok(['--namespace', namespace, 'get', 'pod', pod, '-o', path])
  return text.replace('containerd://', '')
}

/** Containerd's ids of the containers that hold a pod's network: one, or two for a moment when one has ended. */
export async function sandboxesOf(node: ClusterNode, pod: AppPod): Promise<string[]> {
  const uid = await pod.field('.metadata.uid')
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
export async function appOnNode(kubectl: Kubectl, node: ClusterNode, pod: AppPod): Promise<AppOnNode> {
  return new AppOnNode(node, await containerOf(kubectl, pod.namespace, pod.name))
}

async function containerd(node: ClusterNode, args: readonly string[]): Promise<string> {
  const { stdout } = await node.run(['ctr', '--namespace', 'k8s.io', ...args], 120_000)
  return stdout
}
