import { listInPages } from '../../kube/paged-list.ts'
import { agentPods } from '../../kube/resources/pods.ts'
import type { Rest } from '../../kube/rest.ts'
import type { Pod } from '../../model/resources.ts'
import type { PodReader } from '../../nmi/pod-reader.ts'

/** Reads this node's pods from the API, for an address that the watch has not told yet. */
export function directPodReader(rest: Rest, node: string): PodReader {
  const spec = agentPods()
  return {
    async podsAt(address, signal) {
      let pods: Pod[] = []
      const sink = {
        begin() {
          pods = []
        },
        item(raw: unknown) {
          const pod = spec.project(raw)
          if (pod?.addresses.includes(address) === true) pods.push(pod)
        },
      }
      await listInPages(
        rest,
        { path: spec.path, query: { fieldSelector: `spec.nodeName=${node}` } },
        sink,
        signal,
      )
      return pods
    },
  }
}
