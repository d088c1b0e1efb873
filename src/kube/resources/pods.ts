import * as v from 'valibot'
import { canonicalAddress } from '../../model/ip-address.ts'
import { BINDING_LABEL, objectKey } from '../../model/names.ts'
import type { Pod, PodPhase } from '../../model/resources.ts'
import { createInterner } from '../intern.ts'
import { looseText, millisecondsOf, type ObjectMeta, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'
import { sandboxTime } from './pod-sandbox.ts'

const spec = v.object({
  nodeName: looseText,
  serviceAccountName: looseText,
  hostNetwork: v.optional(v.fallback(v.boolean(), false), false),
})

const status = v.object({
  phase: looseText,
  podIP: looseText,
  podIPs: v.optional(v.fallback(v.array(v.object({ ip: looseText })), []), []),
})

const podParts = v.object({
  spec: v.optional(v.fallback(spec, v.getDefaults(spec)), v.getDefaults(spec)),
  status: v.optional(v.fallback(status, v.getDefaults(status)), v.getDefaults(status)),
})

const PHASES: ReadonlySet<string> = new Set<PodPhase>([
  'Pending',
  'Running',
  'Succeeded',
  'Failed',
  'Unknown',
])

type Labels = Readonly<Record<string, string>>

/** Pods with all their labels: an AzurePodIdentityException may name any of them. For the node agent. */
export function agentPods(): ResourceSpec<Pod> {
  const intern = createInterner()
  const keepLabels = (labels: Labels): Labels => {
    const kept: Record<string, string> = {}
    for (const [key, value] of Object.entries(labels)) kept[intern(key)] = intern(value)
    return kept
  }
  return podSpec(intern, keepLabels, sandboxTime)
}

const NO_LABELS: Labels = Object.freeze({})

/** Pods with the binding label only, shared between pods that have the same value. For the controller. */
export function controllerPods(): ResourceSpec<Pod> {
  const intern = createInterner()
  const shared = new Map<string, Labels>()
  const keepLabels = (labels: Labels): Labels => {
    const value = Object.hasOwn(labels, BINDING_LABEL) ? labels[BINDING_LABEL] : undefined
    if (value === undefined) return NO_LABELS
    const known = shared.get(value)
    if (known !== undefined) return known
    if (shared.size >= SHARED_LABELS) shared.clear()
    const fresh = Object.freeze({ [BINDING_LABEL]: intern(value) })
    shared.set(value, fresh)
    return fresh
  }
  return podSpec(intern, keepLabels, () => 0)
}

const SHARED_LABELS = 10_000

function podSpec(
  intern: (text: string) => string,
  keepLabels: (labels: Labels) => Labels,
  sandboxAt: (raw: unknown) => number,
): ResourceSpec<Pod> {
  return {
    name: 'pods',
    path: '/api/v1/pods',
    keyOf: (pod) => objectKey(pod.namespace, pod.name),
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const parts = v.parse(v.fallback(podParts, v.getDefaults(podParts)), raw)
      return {
        namespace: intern(meta.namespace),
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        nodeName: intern(parts.spec.nodeName),
        phase: PHASES.has(parts.status.phase) ? (intern(parts.status.phase) as PodPhase) : 'Unknown',
        addresses: addressesOf(parts.status),
        hostNetwork: parts.spec.hostNetwork,
        serviceAccount: intern(
          parts.spec.serviceAccountName === '' ? 'default' : parts.spec.serviceAccountName,
        ),
        labels: keepLabels(meta.labels),
        replicaSet: intern(replicaSetOf(meta)),
        createdAt: millisecondsOf(meta.creationTimestamp),
        deleting: meta.deletionTimestamp !== '',
        sandboxAt: sandboxAt(raw),
      }
    },
  }
}

/** `status.podIPs`, or `status.podIP` of a kubelet that writes only that one; without doubles. */
function addressesOf(status: v.InferOutput<typeof podParts>['status']): readonly string[] {
  const written = status.podIPs.length > 0 ? status.podIPs.map((each) => each.ip) : [status.podIP]
  const canonical = written.map(canonicalAddress).filter((address) => address !== undefined)
  return [...new Set(canonical)]
}

function replicaSetOf(meta: ObjectMeta): string {
  return (
    meta.ownerReferences.find((each) => each.kind === 'ReplicaSet' && each.controller === true)?.name ?? ''
  )
}
