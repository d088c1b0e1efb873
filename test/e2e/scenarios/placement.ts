/** Where pods are, and what network they have. */
import assert from 'node:assert/strict'
import { CLUSTER_CLIENT } from '../cluster/cluster-azure.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken, claimsOf, type TokenBody } from '../token-answer.ts'
import { assertRefused, assertTokenOf } from '../token-proof.ts'

const twoSets: Scenario = {
  name: 'two-scale-sets',
  proves:
    'an identity is on exactly the scale sets whose nodes have pods that use it: it stays while one pod of a set is left, on whichever of its nodes, and goes with the last one',
  smoke: true,
  async run(place) {
    const both = place.identity('both')
    const only = place.identity('only')
    await place.bind(both)
    await place.bind(only)
    const first = await place.pod('first', { selector: both.name, node: 'pool-0' })
    const second = await place.pod('second', { selector: both.name, node: 'pool-1' })
    const third = await place.pod('third', { selector: both.name, node: 'blue-0' })
    const fourth = await place.pod('fourth', { selector: only.name, node: 'blue-0' })
    for (const pod of [first, second, third]) assertTokenOf(await pod.token(), both)
    assertTokenOf(await fourth.token(), only)
    await place.whenOnMachine('pool', [both])
    await place.whenOnMachine('blue', [both, only])
    await first.delete()
    await place.whenAssigned('first', [])
    assertTokenOf(await second.token(), both)
    assert.deepEqual(place.onMachine('pool'), [both.id.toLowerCase()])
    await second.delete()
    await place.whenOnMachine('pool', [])
    assertTokenOf(await third.token(), both)
    await third.delete()
    await place.whenOnMachine('blue', [only])
    assertTokenOf(await fourth.token(), only)
    await fourth.delete()
    await place.whenOnMachine('blue', [])
    await place.whenNothingAssigned()
  },
}

const dualStack: Scenario = {
  name: 'dual-stack',
  proves:
    'a pod with an IPv4 and an IPv6 address gets its token by IMDS’s IPv4 address, also from an IPv6 socket, and finds no door of the node agent by the node’s own addresses',
  shapes: ['routed', 'bridge'],
  async run(place, { cluster }) {
    const shop = place.identity('dual')
    await place.bind(shop)
    const pod = await place.pod('dual', { selector: shop.name, node: 'pool-0' })
    const { podIPs = [] } = (await pod.object()).status
    assert.match(podIPs.map(({ ip }) => ip).join(' '), /^[\d.]+ [\da-f:]+$/)
    assertTokenOf(await pod.token(), shop)
    const path = '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net'
    const mapped = await pod.get(`http://[::ffff:169.254.169.254]${path}`, { Metadata: 'true' })
    assertTokenOf(mapped, shop)
    const node = cluster.addresses.node(0)
    for (const host of [node.ip, `[${node.ip6}]`]) {
      const answer = await pod.get(`http://${host}:2579${path}`, { Metadata: 'true' })
      assert.match(answer.error ?? '', /refused|unreachable|timeout|deadline/, JSON.stringify(answer))
    }
  },
}

const hostNetwork: Scenario = {
  name: 'host-network',
  proves:
    'a pod on the host’s network is not redirected: it is the node, and asks IMDS itself, for each identity that is on the node; the host’s door gives it tokens by name only as the node, and to no other pod',
  async run(place) {
    const shop = place.identity('hosted')
    const other = place.identity('other')
    for (const each of [shop, other]) await place.bind(each)
    const spec = { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }
    const host = await place.pod('host', { selector: shop.name, node: 'blue-0', spec })
    await place.whenAssigned('host', [shop])
    assertTokenOf(await host.token({ clientId: shop.clientId }), shop)
    assertToken(await host.token({ clientId: CLUSTER_CLIENT }), CLUSTER_CLIENT)
    // Unnamed, IMDS gives the identity of the machine itself, whatever the pod's label says.
    const unnamed = await host.token()
    const { access_token: token } = unnamed.body as TokenBody
    assert.match(String(claimsOf(token)['xms_mirid']), /virtualMachineScaleSets\/blue$/)
    const pod = await place.pod('pod', { selector: other.name, node: 'blue-0' })
    assertTokenOf(await pod.token(), other)
    assertRefused(await pod.token({ clientId: shop.clientId }), 'identity-not-bound')
    const path = '/host/token/?resource=https://vault.azure.net'
    const named = { podns: place.namespace, podname: 'pod', Metadata: 'true' }
    const byHost = await host.get(`http://127.0.0.1:2579${path}`, named)
    assert.equal((byHost.body as { clientid: string }).clientid, other.clientId, JSON.stringify(byHost))
    assertRefused(await pod.get(`http://169.254.169.254${path}`, { ...named, podname: 'host' }), 'host-only')
  },
}

export const PLACEMENT: readonly Scenario[] = [twoSets, dualStack, hostNetwork]
