/** Looks at the cluster's state over one connection: a kubectl for each look would keep a processor busy of its own. */
import type { Clock } from '../../../src/base/clock.ts'
import { isApiStatus } from '../../../src/kube/connection.ts'
import { kubeconfigConnection } from '../../../src/kube/kubeconfig.ts'
import { createRest } from '../../../src/kube/rest.ts'
import { type PodObject, podsPath } from './pod-object.ts'

const DEADLINE_MS = 30_000

interface Selectors {
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/** All throw what `Rest` throws; paths are those of the API server. */
export interface ApiReads {
  /** Undefined when there is no such object. */
  object<T>(path: string): Promise<T | undefined>
  /** Undefined when there is no such pod. */
  pod(namespace: string, name: string): Promise<PodObject | undefined>
  /** The items of a list. */
  list<T>(path: string, selectors?: Selectors): Promise<readonly T[]>
  /** What is no JSON: logs, metrics. */
  text(path: string, query?: { readonly container?: string }): Promise<string>
  close(): void
}

/** @param kubeconfig a file */
export async function createApiReads(kubeconfig: string, clock: Clock): Promise<ApiReads> {
  const connection = await kubeconfigConnection(kubeconfig)
  const rest = createRest(connection, clock)
  const closed = new AbortController()
  const { signal } = closed
  async function object<T>(path: string): Promise<T | undefined> {
    try {
      return (await rest.getJson(path, { signal, deadlineMs: DEADLINE_MS })) as T
    } catch (thrown) {
      if (isApiStatus(thrown, 404)) return undefined
      throw thrown
    }
  }

  return {
    object,
    pod: (namespace, name) => object<PodObject>(`${podsPath(namespace)}/${name}`),
    async list<T>(path: string, selectors: Selectors = {}) {
      const found = await rest.getJson(path, { signal, deadlineMs: DEADLINE_MS, query: { ...selectors } })
      return (found as { readonly items: readonly T[] }).items
    },
    async text(path, query = {}) {
      const chunks: Uint8Array[] = []
      for await (const chunk of await rest.open(path, { signal, deadlineMs: DEADLINE_MS, query }))
        chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    },
    close() {
      closed.abort()
      connection.close()
    },
  }
}
