import * as v from 'valibot'
import type { Node } from '../../model/resources.ts'
import { looseText, readMetadata } from '../object-meta.ts'
import type { ResourceSpec } from '../resource-spec.ts'

const nodeParts = v.object({ spec: v.object({ providerID: looseText }) })

/** Nodes: only what ties them to a VM or a scale set. */
export function nodes(): ResourceSpec<Node> {
  return {
    name: 'nodes',
    path: '/api/v1/nodes',
    keyOf: (node) => node.name,
    project(raw) {
      const meta = readMetadata(raw)
      if (meta === undefined) return undefined
      const read = v.safeParse(nodeParts, raw)
      return {
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        providerId: read.success ? read.output.spec.providerID : '',
      }
    },
  }
}
