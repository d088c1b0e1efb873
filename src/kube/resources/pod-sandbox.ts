import * as v from 'valibot'
import { looseText, millisecondsOf } from '../object-meta.ts'

function maybe<S extends v.GenericSchema>(schema: S) {
  return v.fallback(v.optional(schema), undefined)
}

const running = v.object({ startedAt: looseText })
const container = v.object({ state: maybe(v.object({ running: maybe(running) })) })
const containers = maybe(v.array(container))
const condition = v.object({ type: looseText, status: looseText, lastTransitionTime: looseText })
const pod = maybe(
  v.object({
    status: maybe(
      v.object({
        conditions: maybe(v.array(condition)),
        initContainerStatuses: containers,
        containerStatuses: containers,
      }),
    ),
  }),
)

/**
 * When the pod's sandbox was last seen to be there: the condition PodReadyToStartContainers became true (Kubernetes
 * 1.29 and later), or a container started in it. Milliseconds since the epoch, 0 when the status tells
 * neither. Ephemeral containers are left out: whoever may debug the pod starts those.
 */
export function sandboxTime(raw: unknown): number {
  const status = v.parse(pod, raw)?.status
  const times = (status?.conditions ?? [])
    .filter((each) => each.type === 'PodReadyToStartContainers' && each.status === 'True')
    .map((each) => each.lastTransitionTime)
  for (const each of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    times.push(each.state?.running?.startedAt ?? '')
  return Math.max(0, ...times.map(millisecondsOf))
}
