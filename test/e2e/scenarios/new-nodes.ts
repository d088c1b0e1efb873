/** Nodes that come new into the cluster. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { firstContainer, readyCondition } from '../cluster/pod-object.ts'
import { until } from '../cluster/until.ts'
import type { Scenario } from '../scenario.ts'

const TAINT = 'podid.dev/agent-not-ready'

const startupTaint: Scenario = {
  name: 'new-node-with-startup-taint',
  proves:
    'on a node that registers with the start-up taint no pod runs before the node agent is ready, and its first request is answered with its own identity',
  alone: true,
  async run(place, { cluster, kubectl, podid, reads }) {
    const shop = place.identity('shop')
    await place.bind(shop)
    await podid.install({ mic: { startupTaint: TAINT } })
    const node = cluster.node('blue-0')
    await node.powerOff()
    await kubectl.ok(['delete', 'node', node.name])
    const file = join(node.folder, 'config', 'podid-kubelet.json')
    const before = await readFile(file, 'utf8')
    const config = JSON.parse(before) as Record<string, unknown>
    await writeFile(
      file,
      JSON.stringify({ ...config, registerWithTaints: [{ key: TAINT, effect: 'NoSchedule' }] }),
    )
    const pod = await place.startPod('shop', { selector: shop.name, node: node.name, command: ['first'] })
    await node.powerOn()
    await pod.running(120)
    const taints = await kubectl.ok(['get', 'node', node.name, '-o', 'jsonpath={.spec.taints[*].key}'])
    assert.ok(!taints.includes(TAINT), `the node still has ${taints}`)
    const [agent] = await podid.pods('nmi', node.name)
    assert.ok(agent, 'no node agent on the new node')
    const ready = readyCondition(await reads.pod(podid.namespace, agent))
    assert.ok(ready, 'the node agent is not ready')
    const readyAt = ready.lastTransitionTime
    const startedAt = firstContainer(await pod.object())?.state.running?.startedAt ?? ''
    assert.ok(
      Date.parse(startedAt) >= Date.parse(readyAt),
      `the pod ran at ${startedAt}, the agent was ready at ${readyAt}`,
    )
    const first = await until(
      'the pod has an answer',
      { deadlineMs: 60_000 },
      async () => (await pod.answers())[0],
    )
    assert.equal(first.status, 200, JSON.stringify(first))
    assert.equal((first.body as { client_id: string }).client_id, shop.clientId)
    await writeFile(file, before)
    await podid.install()
  },
}

export const NEW_NODES: readonly Scenario[] = [startupTaint]
