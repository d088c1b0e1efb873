/** Node agents that are replaced while pods ask for tokens all the time. */
import assert from 'node:assert/strict'
import { endLoad, startLoad, sumLoads, toldLoad } from '../load.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'

/** For each of them, so that all together ask a hundred times a second. */
const RATE = 12.5
const PODS = 8

const rolling: Scenario = {
  name: 'nmi-rolling-update',
  proves:
    'all node agents are replaced one after the other while eight pods on three nodes ask for a hundred tokens a second: no request fails that is tried again as SDKs do',
  alone: true,
  smoke: true,
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const nodes = world.cluster.nodes.map(({ name }) => name)
    const pods = await Promise.all(
      Array.from({ length: PODS }, (_, at) => {
        const node = nodes[at % nodes.length] ?? ''
        return startLoad(place, { name: `load-${at}`, identity: shop, rate: RATE, node })
      }),
    )
    const before = new Set(await world.podid.pods('nmi'))
    const agents = ['--namespace', RELEASE_NAMESPACE, 'rollout']
    const daemonSet = 'daemonset/podid-nmi'
    await world.kubectl.ok([...agents, 'restart', daemonSet])
    const started = world.clock.monotonic()
    await world.kubectl.ok([...agents, 'status', daemonSet, '--timeout=55s'])
    await world.podid.ready('nmi')
    const seconds = (world.clock.monotonic() - started) / 1000
    for (const each of await world.podid.pods('nmi')) assert.ok(!before.has(each), `${each} was not replaced`)
    const figures = sumLoads(await Promise.all(pods.map((pod) => endLoad(pod, shop))))
    world.say(`       ${nodes.length} agents replaced in ${seconds.toFixed(1)} s; ${toldLoad(figures)}`)
    assert.equal(figures.failed, 0)
  },
}

export const UPDATES: readonly Scenario[] = [rolling]
