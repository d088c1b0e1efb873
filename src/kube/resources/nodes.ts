import * as v from 'valibot'
import type { Node } from '../../model/resources.ts'
import { looseText, millisecondsOf, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

const taint = v.object({ key: looseText })
const nodeParts = v.object({
  spec: v.object({
    providerID: looseText,
    // Their positions count: what is no taint keeps its place.
    taints: v.fallback(v.optional(v.array(v.fallback(taint, { key: '' })), []), []),
  }),
})

const NONE: readonly number[] = Object.freeze([])

/** Nodes: what ties them to a VM or a scale set, and where they have the start-up taint, if one is named. */
export function nodes(startupTaint = ''): ResourceSpec<Node> {
  return {
    name: 'nodes',
    path: '/api/v1/nodes',
    keyOf: (node) => node.name,
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const read = v.safeParse(nodeParts, raw)
      const { providerID = '', taints = [] } = read.success ? read.output.spec : {}
      return {
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        providerId: providerID,
        createdAt: millisecondsOf(meta.creationTimestamp),
        startupTaints: startupTaint === '' ? NONE : positionsOf(startupTaint, taints),
      }
    },
  }
}

/** More than one when it is there with several effects. */
function positionsOf(key: string, taints: readonly { readonly key: string }[]): readonly number[] {
  const positions = taints.flatMap((each, at) => (each.key === key ? [at] : []))
  return positions.length === 0 ? NONE : positions
}
