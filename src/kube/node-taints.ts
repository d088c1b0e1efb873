import type { Node } from '../model/resources.ts'
import { isApiStatus } from './connection.ts'
import type { Rest } from './rest.ts'

/**
 * Takes a taint off a node and touches nothing else. `conflict`: the node is not in that version any more;
 * `gone`: there is no such node. @throws what the connection throws for everything else.
 */
export type TaintRemover = (
  node: Node,
  key: string,
  signal: AbortSignal,
) => Promise<'done' | 'conflict' | 'gone'>

/**
 * By a JSON patch of the positions that this version of the node has: the version, the UID and the key at each position
 * must be as they were read, so no taint that somebody else adds or moves meanwhile is lost.
 */
export function createTaintRemover(rest: Rest): TaintRemover {
  return async (node, key, signal) => {
    const body = [
      { op: 'test', path: '/metadata/uid', value: node.uid },
      { op: 'replace', path: '/metadata/resourceVersion', value: node.resourceVersion },
      // From the last on: a removal moves what comes after it.
      ...node.startupTaints.toReversed().flatMap((at) => [
        { op: 'test', path: `/spec/taints/${at}/key`, value: key },
        { op: 'remove', path: `/spec/taints/${at}` },
      ]),
    ]
    try {
      const path = `/api/v1/nodes/${encodeURIComponent(node.name)}`
      await rest.send('PATCH', path, { body, contentType: 'application/json-patch+json', signal })
      return 'done'
    } catch (thrown) {
      // 422: a test did not hold.
      if (isApiStatus(thrown, 409, 422)) return 'conflict'
      if (isApiStatus(thrown, 404)) return 'gone'
      throw thrown
    }
  }
}
