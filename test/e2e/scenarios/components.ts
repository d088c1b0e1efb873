/** The components themselves: the lead of MIC, probes, and the definitions of the custom resources. */
import assert from 'node:assert/strict'
import { patchesOf } from '../arm-patches.ts'
import { containerOf, freezeContainer } from '../node-side.ts'
import type { Manifest } from '../place.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const leaderChanges: Scenario = {
  name: 'leader-changes',
  proves:
    'when the leading MIC is deleted another one leads: the tokens of running pods go on, new pods get their identities, pods that go lose theirs, and no identity is put on or taken off twice',
  alone: true,
  async run(place, world) {
    const early = place.identity('early')
    const late = place.identity('late')
    for (const identity of [early, late]) await place.bind(identity)
    const first = await place.pod('first', { selector: early.name, node: 'pool-0' })
    assertToken(await first.token(), early.clientId)
    const before = await world.podid.leader()
    await world.kubectl.ok(['-n', RELEASE_NAMESPACE, 'delete', 'pod', before, '--wait=false'])
    const second = await place.pod('second', { selector: late.name, node: 'pool-1' })
    assertToken(await second.token(), late.clientId)
    const after = await world.podid.leader()
    assert.notEqual(after, before)
    // Another resource: a token that NMI does not have yet.
    const resource = 'https://storage.azure.com/'
    assertToken(await first.token({ resource }), early.clientId, resource)
    await place.whenOnMachine('pool', [early, late])
    await first.delete()
    await place.whenOnMachine('pool', [late])
    await place.whenAssigned('second', [late])
    assert.deepEqual(
      [early, late].map((each) => {
        const { additions, removals } = patchesOf(world, each)
        return [additions.length, removals.length]
      }),
      [
        [1, 1],
        [1, 0],
      ],
    )
    await world.podid.ready('mic')
  },
}

const probes: Scenario = {
  name: 'liveness-probes',
  proves:
    'NMI and MIC tell Kubernetes that they live and are ready, a MIC that does not lead too; a component that hangs is started again by its liveness probe and serves as before',
  alone: true,
  deadlineSeconds: 300,
  async run(place, world) {
    const node = 'blue-0'
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node })
    assertToken(await pod.token(), shop.clientId)
    const agents = await world.podid.pods('nmi')
    const controllers = await world.podid.pods('mic')
    assert.equal(agents.length, world.cluster.nodes.length)
    assert.equal(controllers.length, 2)
    const leader = await world.podid.leader()
    for (const component of [...agents, ...controllers]) {
      const ip = (await world.reads.pod(RELEASE_NAMESPACE, component))?.status.podIP ?? ''
      const port = agents.includes(component) ? 8085 : 8080
      const get = (path: string) => pod.get(`http://${ip}:${port}${path}`)
      const { status, body } = await get('/healthz')
      const standsBy = controllers.includes(component) && component !== leader
      assert.deepEqual([status, body], [200, standsBy ? 'Not Active' : 'Active'], component)
      for (const path of ['/livez', '/readyz']) {
        const answer = await get(path)
        assert.equal(answer.status, 200, `${component} ${path}: ${JSON.stringify(answer.body)}`)
        assert.match(String(answer.body), /\nok\n$/)
      }
      assert.equal((await get('/')).status, 404)
    }
    const [agent = ''] = await world.podid.pods('nmi', node)
    const hung = [agent, leader]
    const frozen = world.clock.monotonic()
    for (const each of hung) await freeze(world, each)
    for (const each of hung) {
      await world.podid.restarted(each, 200_000)
      const seconds = (world.clock.monotonic() - frozen) / 1000
      world.say(`       ${each} hung for ${seconds.toFixed(0)} s`)
    }
    const resource = 'https://storage.azure.com/'
    assertToken(await pod.token({ resource }), shop.clientId, resource)
    const late = place.identity('late')
    await place.bind(late, { selector: shop.name })
    await place.whenAssigned('shop', [shop, late])
    assertToken(await pod.token({ clientId: late.clientId }), late.clientId)
  },
}

async function freeze(world: World, pod: string): Promise<void> {
  const { nodeName = '' } = (await world.reads.pod(RELEASE_NAMESPACE, pod))?.spec ?? {}
  const container = await containerOf(world.reads, RELEASE_NAMESPACE, pod)
  await freezeContainer(world.cluster.node(nodeName), container)
}

const malformed: Scenario = {
  name: 'malformed-objects-refused',
  proves:
    'the API server refuses an AzureIdentity or AzureIdentityBinding that could never work, when it is made and when it is changed, names the field and what belongs there; correct ones in any spelling pass',
  async run(place, world) {
    const good = place.identity('good')
    const upper = { ...good, name: `${good.name}-upper`, id: good.id.toUpperCase() }
    const principal = { ...good, name: `${good.name}-principal`, id: '' }
    await place.apply(
      place.identityManifest(good),
      place.identityManifest(upper, { clientID: good.clientId.toUpperCase() }),
      place.identityManifest(principal, { type: 1, tenantID: 'contoso.onmicrosoft.com' }),
      place.bindingManifest(good, good.name),
    )
    const bad = { ...good, name: `${good.name}-bad` }
    const cases: readonly (readonly [manifest: Manifest, words: RegExp])[] = [
      [place.identityManifest({ ...bad, id: good.name }), /spec\.resourceID.*must be \/subscriptions\//],
      [
        place.identityManifest({ ...bad, id: `${good.id}/more` }),
        /spec\.resourceID.*must be \/subscriptions\//,
      ],
      [place.identityManifest({ ...bad, clientId: 'shop' }), /spec\.clientID.*must be a client id/],
      [place.identityManifest(bad, { type: 3 }), /spec\.type.*must be 0 .*1 .*2 /],
      [place.identityManifest(bad, { adEndpoint: 'http://login.example' }), /spec\.adEndpoint.*https/],
      [place.bindingManifest(bad, 'no label has this'), /spec\.selector.*no pod can have this value/],
      // Changes of objects that exist.
      [
        place.identityManifest({ ...good, id: '/subscriptions/x' }),
        /spec\.resourceID.*must be \/subscriptions\//,
      ],
      [place.bindingManifest(good, '-'), /spec\.selector.*no pod can have this value/],
    ]
    for (const [manifest, words] of cases) {
      const flags = ['--namespace', place.namespace, 'apply', '-f', '-']
      const { code, stdout, stderr } = await world.kubectl.run(flags, JSON.stringify(manifest))
      assert.notEqual(code, 0, `accepted: ${JSON.stringify(manifest)} ${stdout}`)
      assert.match(stderr, words)
    }
    const kept = await place.kubectl('get', 'azureidentities', '-o', 'jsonpath={.items[*].spec.resourceID}')
    assert.deepEqual(kept.trim().split(/ +/), [good.id, good.id.toUpperCase()])
  },
}

export const COMPONENTS: readonly Scenario[] = [malformed, leaderChanges, probes]
