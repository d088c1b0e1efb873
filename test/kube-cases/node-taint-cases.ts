/** The start-up taint of a node, taken off by MIC. */
import assert from 'node:assert/strict'
import { createTaintRemover } from '../../src/kube/node-taints.ts'
import { nodes } from '../../src/kube/resources/nodes.ts'
import type { Node } from '../../src/model/resources.ts'
import type { CaseWorld, KubeCase } from './case-world.ts'
import { openClientRoom, NEVER as signal } from './client-room.ts'

const KEY = 'podid.dev/agent-not-ready'

interface TaintedNode {
  /** Takes it away. */
  remove(): Promise<unknown>
  /** As podid would read it now. */
  read(): Promise<Node>
  /** The keys of its taints that are not of Kubernetes itself, which a server adds as it likes. */
  keys(): Promise<string[]>
  add(key: string): Promise<void>
}

async function makeNode(
  world: CaseWorld,
  taints: readonly { key: string; effect: string }[],
): Promise<TaintedNode> {
  const { http } = world
  const name = world.unique('tainted')
  const path = `/api/v1/nodes/${name}`
  const made = await http.ask('POST', '/api/v1/nodes', { body: { metadata: { name }, spec: { taints } } })
  assert.equal(made.code, 201, made.text)
  const taintsOf = async (): Promise<{ key: string; effect: string }[]> => {
    const { spec } = (await http.ask('GET', path)).json()
    return (spec?.['taints'] ?? []) as { key: string; effect: string }[]
  }
  return {
    remove: () => http.ask('DELETE', path),
    async read() {
      const node = nodes(KEY).project((await http.ask('GET', path)).json())
      assert.ok(node !== undefined)
      return node
    },
    keys: async () =>
      (await taintsOf()).map((each) => each.key).filter((key) => !key.includes('kubernetes.io')),
    async add(key) {
      await world.merge(path, { spec: { taints: [{ key, effect: 'NoSchedule' }, ...(await taintsOf())] } })
    },
  }
}

export const NODE_TAINT_CASES: readonly KubeCase[] = [
  {
    name: 'a start-up taint is taken off a node with all its effects, and every other taint stays',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const node = await makeNode(world, [
        { key: 'first', effect: 'NoSchedule' },
        { key: KEY, effect: 'NoSchedule' },
        { key: 'between', effect: 'NoSchedule' },
        { key: KEY, effect: 'NoExecute' },
        { key: 'last', effect: 'PreferNoSchedule' },
      ])
      const remove = createTaintRemover(rest)
      // A real cluster's controllers write nodes, too.
      while ((await remove(await node.read(), KEY, signal)) === 'conflict');
      assert.deepEqual(await node.keys(), ['first', 'between', 'last'])
      assert.deepEqual((await node.read()).startupTaints, [])
      await node.remove()
    },
  },
  {
    name: 'a node that has changed since it was read is a conflict and keeps every taint, one that is gone is told as such',
    async run(world, t) {
      const { rest } = await openClientRoom(t, world.subject)
      const node = await makeNode(world, [{ key: KEY, effect: 'NoSchedule' }])
      const remove = createTaintRemover(rest)
      const stale = await node.read()
      await node.add('new')
      assert.equal(await remove(stale, KEY, signal), 'conflict')
      // A new version, and positions of an old one: the key at the position does not fit.
      assert.equal(await remove({ ...(await node.read()), startupTaints: [0] }, KEY, signal), 'conflict')
      assert.equal(await remove({ ...(await node.read()), uid: 'another' }, KEY, signal), 'conflict')
      assert.deepEqual(await node.keys(), ['new', KEY])
      const last = await node.read()
      await node.remove()
      assert.equal(await remove(last, KEY, signal), 'gone')
    },
  },
]
