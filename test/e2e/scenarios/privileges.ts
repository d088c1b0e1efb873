/** That podid has what it needs and no more: capabilities, Pod Security, rights in Kubernetes. */
import assert from 'node:assert/strict'
import { podOf, Rendered } from '../../chart/chart.ts'
import { until } from '../cluster/until.ts'
import type { Place } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const IN_RELEASE = ['--namespace', RELEASE_NAMESPACE]

/** The capabilities that the chart gives to NMI with these values. */
async function capabilitiesOf({ podid }: World): Promise<string[]> {
  const text = await podid.helm(['get', 'manifest', 'podid'])
  const agent = podOf(new Rendered(text).one('DaemonSet', '-nmi')).containers[0].securityContext
  return [...(agent['capabilities'] as { readonly add: readonly string[] }).add]
}

/** The newest agent's last words, as soon as it has ended for lack of something. */
async function lastWords({ kubectl }: World): Promise<string> {
  return until('an agent without a capability has ended', { deadlineMs: 60_000 }, async () => {
    const path =
      'jsonpath={range .items[?(@.status.containerStatuses[0].restartCount>0)]}{.metadata.name} {end}'
    const label = 'app.kubernetes.io/component=nmi'
    const names = await kubectl.ok([...IN_RELEASE, 'get', 'pods', '-l', label, '-o', path])
    for (const name of names.split(' ').filter((each) => each !== '')) {
      const { code, stdout } = await kubectl.run([...IN_RELEASE, 'logs', name, '--previous'])
      if (code === 0 && stdout !== '') return stdout
    }
    return undefined
  })
}

async function dropInTurn(place: Place, world: World, values: { readonly nmi: object }): Promise<void> {
  await world.podid.install(values)
  const shop = place.identity('shop')
  await place.bind(shop)
  const pod = await place.pod(shop.name, { selector: shop.name })
  assertToken(await pod.token(), shop.clientId)
  const all = await capabilitiesOf(world)
  for (const dropped of all) {
    const capabilities = { drop: ['ALL'], add: all.filter((each) => each !== dropped) }
    const nmi = { ...values.nmi, securityContext: { capabilities } }
    await assert.rejects(world.podid.install({ nmi }, '--timeout', '20s'), `ready without ${dropped}`)
    assert.match(await lastWords(world), new RegExp(`lacks CAP_${dropped}\\b`))
    await world.podid.install(values)
  }
  assert.deepEqual(await capabilitiesOf(world), all)
  world.say(`       needed, each of them: ${all.join(', ')}`)
}

/** The iptables of a node's own programs becomes that of the legacy kind, from its next start on. */
async function makeLegacy({ cluster }: World): Promise<void> {
  const script = `for each in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf "/usr/sbin/$(echo "$each" | sed 's/tables/tables-legacy/')" "/etc/alternatives/$each"
  done`
  await Promise.all(
    cluster.nodes.map(async (node) => {
      await node.run(['sh', '-ec', script])
      await node.powerOff()
      await node.powerOn()
    }),
  )
}

const capabilities: Scenario = {
  name: 'nmi-capabilities',
  proves:
    'NMI needs each capability that the chart gives it: without any single one it does not become ready and says which one it lacks; on nodes with nft that is NET_ADMIN alone',
  ownCluster: true,
  deadlineSeconds: 400,
  run: (place, world) => dropInTurn(place, world, { nmi: { legacyIptables: false } }),
}

const legacyCapabilities: Scenario = {
  name: 'nmi-capabilities-legacy-iptables',
  proves:
    'on nodes whose kubelet writes legacy iptables NMI does so too, and needs NET_RAW as well: the chart’s default',
  ownCluster: true,
  deadlineSeconds: 500,
  async run(place, world) {
    await makeLegacy(world)
    await dropInTurn(place, world, { nmi: {} })
    for (const node of world.cluster.nodes) {
      const { stdout } = await node.run(['iptables-legacy-save', '-t', 'nat'])
      assert.match(stdout, /:aad-metadata /)
    }
  },
}

const restricted: Scenario = {
  name: 'mic-under-restricted-profile',
  proves:
    'a namespace that enforces the restricted Pod Security profile takes MIC when its azure.json is a Secret, and MIC assigns identities from there',
  ownCluster: true,
  async run(place, world) {
    const { kubectl, podid } = world
    const node = world.cluster.nodes[0]
    assert.ok(node)
    const { stdout: azureJson } = await node.run(['cat', '/etc/kubernetes/azure.json'])
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'cloud', namespace: RELEASE_NAMESPACE },
      stringData: { 'azure.json': azureJson },
    }
    await podid.prepare()
    await kubectl.ok(['apply', '-f', '-'], JSON.stringify(secret))
    await podid.install({ mic: { cloudConfigSecret: { name: 'cloud' } } })
    const enforce = 'pod-security.kubernetes.io/enforce=restricted'
    // Also says which running pods would not be let in: NMI, on the host's network, and never MIC.
    const { stderr } = await kubectl.run(['label', 'namespace', RELEASE_NAMESPACE, enforce])
    assert.match(stderr, /podid-nmi/)
    assert.doesNotMatch(stderr, /podid-mic/)
    await kubectl.ok([...IN_RELEASE, 'rollout', 'restart', 'deployment/podid-mic'])
    await kubectl.ok([...IN_RELEASE, 'rollout', 'status', 'deployment/podid-mic', '--timeout=55s'])
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name })
    await place.whenAssigned('shop', [shop])
    assertToken(await pod.token(), shop.clientId)
    // And MIC as the chart makes it without that Secret is not let in.
    await kubectl.ok(['label', 'namespace', RELEASE_NAMESPACE, 'pod-security.kubernetes.io/enforce-'])
    await podid.install({ mic: { cloudConfigSecret: { name: '' } } })
    const again = await kubectl.run(['label', 'namespace', RELEASE_NAMESPACE, enforce])
    assert.match(again.stderr, /podid-mic/)
  },
}

export const PRIVILEGES: readonly Scenario[] = [capabilities, legacyCapabilities, restricted]
