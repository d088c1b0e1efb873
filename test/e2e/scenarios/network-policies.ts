/** NetworkPolicies that allow nothing but what the docs say is needed. */
import assert from 'node:assert/strict'
import type { Answer, AppPod } from '../app-pod.ts'
import { until } from '../cluster/until.ts'
import { enforcePolicies } from '../network-policy/policy-engine.ts'
import type { Manifest } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertTokenOf } from '../token-proof.ts'
import type { World } from '../world.ts'

const LISTENER = 8_080

const denyAll: Scenario = {
  name: 'network-policies',
  proves:
    'with a policy that denies everything in the application’s namespace, tokens need the two rules of docs/security.md and nothing else; MIC works behind the chart’s policy, and gets nowhere and lets nobody in beyond it',
  ownCluster: true,
  deadlineSeconds: 900,
  async run(place, world) {
    await world.podid.install({ networkPolicy: { enabled: true } })
    await enforcePolicies(world.cluster, world.clock)
    const shop = place.identity('policed')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: 'pool-0' })
    const other = await place.pod('other', { node: 'pool-1', command: ['listen', `:${LISTENER}`] })
    const there = `http://${await other.address()}:${LISTENER}/`
    // MIC has assigned it: the API server, Azure's login and ARM are within its policy.
    assertTokenOf(await pod.token({ timeoutSeconds: 60 }), shop)
    assert.equal((await pod.get(there)).status, 200)
    await place.apply(policy('deny-all', []))
    await until('the policy holds', { deadlineMs: 30_000 }, async () => isShut(await short(pod, there)))
    assert.ok(isShut(await pod.token({ timeoutSeconds: 3 })), 'a token past a policy that denies it')
    // One of the two rules is not enough where a network looks both before and after the redirect.
    for (const [at, rule] of TOKEN_RULES.entries()) {
      await place.apply(policy('tokens', [rule]))
      const answer = await pod.token({ timeoutSeconds: 3 })
      assert.ok(isShut(answer), `rule ${at} alone was enough`)
    }
    await place.apply(policy('tokens', TOKEN_RULES))
    await until('tokens are let through', { deadlineMs: 30_000 }, async () => {
      const answer = await pod.token({ timeoutSeconds: 3 })
      return answer.status === 200
    })
    assertTokenOf(await pod.token(), shop)
    assert.ok(isShut(await short(pod, there)), 'more than tokens is let through')
    const stranger = await place.pod('stranger', { node: 'blue-0' })
    await place.kubectl('delete', 'networkpolicy', '--all')
    await until('nothing is denied any more', { deadlineMs: 30_000 }, async () => {
      const answer = await short(stranger, there)
      return answer.status === 200
    })
    await micKeepsIn(world, stranger, there)
  },
}

/** As docs/security.md has them. */
const TOKEN_RULES = [
  { to: [{ ipBlock: { cidr: '169.254.169.254/32' } }], ports: [{ port: 80, protocol: 'TCP' }] },
  { to: [{ ipBlock: { cidr: '127.0.0.1/32' } }], ports: [{ port: 2579, protocol: 'TCP' }] },
]

/** Policies add up: one denies all, the others allow. */
function policy(name: string, egress: readonly object[]): Manifest {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec: { podSelector: { matchLabels: {} }, policyTypes: ['Egress'], egress },
  }
}

/** Nobody reads MIC's metrics unless allowed, and MIC reaches no port of a pod that it does not need. */
async function micKeepsIn({ podid, kubectl }: World, stranger: AppPod, url: string): Promise<void> {
  const leader = await podid.leader()
  const inRelease = (...args: readonly string[]): Promise<string> =>
    kubectl.ok(['--namespace', RELEASE_NAMESPACE, ...args])
  const ip = await inRelease('get', 'pod', leader, '-o', 'jsonpath={.status.podIP}')
  assert.ok(isShut(await short(stranger, `http://${ip}:8888/metrics`)), 'MIC lets others in')
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(2000) }).then(() => console.log('open'), () => console.log('shut'))`
  assert.equal((await inRelease('exec', leader, '--', 'node', '-e', script)).trim(), 'shut')
}

function short(pod: AppPod, url: string): Promise<Answer> {
  return pod.get(url, {}, 'GET', 2)
}

/** Nothing answered: packets are dropped. */
function isShut({ status, error = '' }: Answer): boolean {
  return status === 0 && /deadline|timeout|refused/i.test(error)
}

export const NETWORK_POLICIES: readonly Scenario[] = [denyAll]
