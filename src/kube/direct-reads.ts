import { objectKey } from '../model/names.ts'
import type { Pod, Secret } from '../model/resources.ts'
import { isApiStatus } from './connection.ts'
import { listInPages } from './paged-list.ts'
import { objectPath, type ResourceSpec } from './resource-spec.ts'
import { agentPods } from './resources/pods.ts'
import { secrets } from './resources/secrets.ts'
import type { Rest } from './rest.ts'

/** `operation_type` of failed reads, as AAD Pod Identity named them. */
export type ReadOperation = 'get_pod_list' | 'get_secret'

/** Single reads of the API, for what a watch has not told yet. All throw what Rest throws. */
export interface DirectReads {
  /** Undefined when there is no such pod. */
  pod(namespace: string, name: string, signal: AbortSignal): Promise<Pod | undefined>
  podsOfNode(nodeName: string, signal: AbortSignal): Promise<readonly Pod[]>
  /** Undefined when there is no such Secret. */
  secret(namespace: string, name: string, signal: AbortSignal): Promise<Secret | undefined>
}

export function createDirectReads(
  rest: Rest,
  failed: (operation: ReadOperation) => void = () => {},
): DirectReads {
  const pods = agentPods()

  async function counted<T>(operation: ReadOperation, signal: AbortSignal, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (thrown) {
      if (!signal.aborted) failed(operation)
      throw thrown
    }
  }

  async function one<T>(
    spec: ResourceSpec<T>,
    [namespace, name]: readonly [string, string],
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      const object = spec.project(await rest.getJson(objectPath(spec, namespace, name), { signal }))
      return object !== undefined && spec.keyOf(object) === objectKey(namespace, name) ? object : undefined
    } catch (thrown) {
      if (isApiStatus(thrown, 404)) return undefined
      throw thrown
    }
  }

  async function listNode(nodeName: string, signal: AbortSignal): Promise<readonly Pod[]> {
    let found: Pod[] = []
    const sink = {
      begin(): void {
        found = []
      },
      item(raw: unknown): void {
        const pod = pods.project(raw)
        if (pod !== undefined) found.push(pod)
      },
    }
    const query = { fieldSelector: `spec.nodeName=${nodeName}` }
    await listInPages(rest, { path: pods.path, query }, sink, signal)
    return found
  }

  return {
    pod: (namespace, name, signal) => counted('get_pod_list', signal, one(pods, [namespace, name], signal)),
    podsOfNode: (nodeName, signal) => counted('get_pod_list', signal, listNode(nodeName, signal)),
    secret: (namespace, name, signal) =>
      counted('get_secret', signal, one(secrets(), [namespace, name], signal)),
  }
}
