import * as v from 'valibot'
import { objectKey } from '../../model/names.ts'
import type { Agent } from '../../model/resources.ts'
import { looseText, millisecondsOf, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

const condition = v.object({ type: looseText, status: looseText, lastTransitionTime: looseText })
const podParts = v.object({
  spec: v.object({ nodeName: looseText, hostNetwork: v.optional(v.fallback(v.boolean(), false), false) }),
  status: v.object({
    phase: looseText,
    conditions: v.fallback(v.optional(v.array(v.fallback(condition, v.getDefaults(condition))), []), []),
  }),
})

/** Pods of the node agent: whether each is ready. The watch selects them. */
export function agents(): ResourceSpec<Agent> {
  return {
    name: 'agents',
    path: '/api/v1/pods',
    keyOf: (agent) => objectKey(agent.namespace, agent.name),
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const { namespace, name, uid, resourceVersion } = meta
      const read = v.safeParse(podParts, raw)
      // Anybody who may create pods can set a label; a pod like this needs rights over its node.
      const isDaemon = meta.ownerReferences.some(
        (each) => each.kind === 'DaemonSet' && each.controller === true,
      )
      const ready = read.success
        ? read.output.status.conditions.find((each) => each.type === 'Ready' && each.status === 'True')
        : undefined
      const isReady =
        read.success &&
        read.output.spec.hostNetwork &&
        read.output.status.phase === 'Running' &&
        ready !== undefined
      return {
        namespace,
        name,
        uid,
        resourceVersion,
        nodeName: read.success ? read.output.spec.nodeName : '',
        readySince: millisecondsOf(ready?.lastTransitionTime ?? ''),
        ready: isReady && isDaemon && meta.deletionTimestamp === '',
      }
    },
  }
}
