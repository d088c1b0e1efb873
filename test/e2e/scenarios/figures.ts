/** What the components cost, as the kubelet counts it. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'
import type { World } from '../world.ts'

interface Usage {
  readonly pod: string
  readonly memoryMiB: number
  /** Seconds of processor time since the container started, and when that was counted, milliseconds. */
  readonly cpuSeconds: number
  readonly atMs: number
}

const RATE = 60
const SECONDS = 25

const resources: Scenario = {
  name: 'component-resources',
  proves:
    'the kubelet counts memory and CPU of the node agent under 60 requests a second, and of the controller, within their requests',
  alone: true,
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const node = world.cluster.nodes[0]
    assert.ok(node)
    // What is measured is the work, not the wait for an assignment.
    const first = await place.pod('first', { selector: shop.name, node: node.name })
    assertTokenOf(await first.token({ timeoutSeconds: 90 }), shop)
    const command = ['load', `-rate=${RATE}`, `-seconds=${SECONDS}`]
    const pod = await place.startPod('shop', {
      selector: shop.name,
      node: node.name,
      command,
      spec: { restartPolicy: 'Never' },
    })
    await pod.running()
    const before = await usage(world)
    let after = before
    await until('the load is over', { deadlineMs: (SECONDS + 60) * 1000 }, async () => {
      if ((await pod.object()).status.phase === 'Succeeded') return true
      after = await usage(world)
      return false
    })
    const answers = await pod.answers()
    const bad = answers.filter(({ status }) => status !== 200)
    assert.equal(bad.length, 0, JSON.stringify(bad[0]))
    for (const each of after) {
      const milliCores = milliCoresOf(
        before.find((other) => other.pod === each.pod),
        each,
      )
      world.say(`       ${each.pod}: ${each.memoryMiB.toFixed(1)} MiB, ${milliCores.toFixed(0)} millicores`)
    }
    const agents = await world.podid.pods('nmi', node.name)
    const agent = after.find((each) => each.pod === agents[0])
    assert.ok(agent, 'the kubelet told nothing of the node agent')
    assert.ok(agent.memoryMiB < 256, `${agent.pod} needs ${agent.memoryMiB} MiB, its request is 256 MiB`)
  },
}

function milliCoresOf(before: Usage | undefined, after: Usage): number {
  if (before === undefined || after.atMs <= before.atMs) return 0
  return ((after.cpuSeconds - before.cpuSeconds) / (after.atMs - before.atMs)) * 1e6
}

/** podid's pods on all nodes, by what each kubelet tells on /metrics/resource. */
async function usage(world: World): Promise<Usage[]> {
  const texts = await Promise.all(
    world.cluster.nodes.map(({ name }) => world.reads.text(`/api/v1/nodes/${name}/proxy/metrics/resource`)),
  )
  return texts.flatMap(usagesOf)
}

const SAMPLE = /^(container_memory_working_set_bytes|container_cpu_usage_seconds_total)\{(.*)\} (\S+) (\d+)$/

function usagesOf(text: string): Usage[] {
  const found = new Map<string, Usage>()
  for (const line of text.split('\n')) {
    const [, metric, labels = '', value, at] = SAMPLE.exec(line) ?? []
    const pod = /pod="([^"]+)"/.exec(labels)?.[1]
    if (metric === undefined || pod === undefined || !labels.includes(`namespace="${RELEASE_NAMESPACE}"`))
      continue
    const known = found.get(pod) ?? { pod, memoryMiB: 0, cpuSeconds: 0, atMs: 0 }
    found.set(
      pod,
      metric.includes('memory')
        ? { ...known, memoryMiB: Number(value) / 2 ** 20 }
        : { ...known, cpuSeconds: Number(value), atMs: Number(at) },
    )
  }
  return [...found.values()]
}

export const FIGURES: readonly Scenario[] = [resources]
