/** A hostile pod that may do anything in its own network namespace: what does it get of its neighbour's? */
import assert from 'node:assert/strict'
import { type Answer, type AppPod, appContainer } from '../app-pod.ts'
import type { ClusterNode } from '../cluster/cluster-node.ts'
import { until } from '../cluster/until.ts'
import type { Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'

const NODE = 'pool-0'
/** Requests of the attacker that are waited for. */
const TRIES = 60
/** What the test application writes for a frame with somebody's token in it. */
const OVERHEARD = 299

const spoofing: Scenario = {
  name: 'spoofed-address',
  proves:
    'a pod with NET_ADMIN and NET_RAW that sends with the address of its neighbour, with and without its hardware address, and claims it by ARP all the time, gets no token of the neighbour, neither by asking nor by listening, and does not keep the neighbour from its own',
  shapes: ['routed', 'bridge'],
  alone: true,
  deadlineSeconds: 360,
  async run(place, world) {
    const { cluster } = world
    const node = cluster.node(NODE)
    const shop = place.identity('victim')
    await place.bind(shop)
    const victim = await place.pod('victim', {
      selector: shop.name,
      node: NODE,
      command: ['load', '-rate=20', '-seconds=0', '-timeout=2'],
      spec: { restartPolicy: 'Never' },
    })
    assertTokenOf(await victim.token(), shop)
    const address = await victim.address()
    const mac = await macOf(node, address)
    const attacks = [
      { name: 'address', flags: [`-address=${address}`] },
      { name: 'address-and-mac', flags: [`-address=${address}`, `-mac=${mac}`] },
    ]
    for (const { name, flags } of attacks) {
      const before = (await victim.answers()).length
      const attacker = await startAttack(place, name, flags)
      const seen = await attacker.answers()
      const suffered = (await victim.answers()).slice(before)
      await attacker.delete()
      world.say(
        `       ${cluster.shape}, with its ${name}: the attacker got ${summary(seen)}; the victim got ${summary(suffered)}`,
      )
      assert.equal(seen.filter(({ status }) => status === 200 || status === OVERHEARD).length, 0)
      const served = suffered.filter(({ status }) => status === 200)
      for (const { body } of served) assert.equal((body as { client_id: string }).client_id, shop.clientId)
      assert.ok(served.length > suffered.length * 0.9, 'the victim was cut off')
    }
  },
}

const powerless: Scenario = {
  name: 'spoofing-needs-capabilities',
  proves:
    'a container without capabilities, as the restricted Pod Security profile wants it, cannot take the address of its neighbour in the first place',
  shapes: ['routed', 'bridge'],
  async run(place) {
    const neighbour = await place.pod('neighbour', { node: NODE })
    const address = await neighbour.address()
    const securityContext = { runAsUser: 0, capabilities: { drop: ['ALL'] } }
    const attack = appContainer('app', ['spoof', `-address=${address}`], { securityContext })
    const pod = await place.startPod('attacker', {
      node: NODE,
      spec: { restartPolicy: 'Never', containers: [attack] },
    })
    await place.kubectl('wait', '--for=jsonpath={.status.phase}=Failed', 'pod/attacker', '--timeout=60s')
    assert.match(await pod.logs(), /not permitted/)
  },
}

async function startAttack(place: Place, name: string, flags: readonly string[]): Promise<AppPod> {
  const rights = {
    securityContext: { runAsUser: 0, capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } },
  }
  const pod = await place.pod(name, {
    node: NODE,
    spec: { containers: [appContainer('app', ['spoof', '-timeout=1', ...flags], rights)] },
  })
  await until(`${TRIES} tries`, { deadlineMs: 150_000 }, async () => (await pod.answers()).length >= TRIES)
  return pod
}

/** The hardware address of a pod as its node knows it. */
async function macOf(node: ClusterNode, address: string): Promise<string> {
  const { stdout } = await node.run(['ip', 'neigh', 'show', address])
  const [, mac] = /lladdr ([\da-f:]+)/.exec(stdout) ?? []
  assert.ok(mac, stdout)
  return mac
}

/** How often which answer came. */
function summary(answers: readonly Answer[]): string {
  const kinds = Map.groupBy(answers, ({ status, body, error }) => {
    if (status === 200) return 'a token'
    if (status === OVERHEARD) return 'an overheard token'
    if (status === 0) return /deadline|timeout/i.test(error ?? '') ? 'no answer' : (error ?? '').slice(-60)
    return (body as { error_codes?: readonly string[] }).error_codes?.[0] ?? `status ${status}`
  })
  return [...kinds].map(([kind, all]) => `${all.length} x ${kind}`).join(', ') || 'nothing'
}

export const SPOOFING: readonly Scenario[] = [spoofing, powerless]
