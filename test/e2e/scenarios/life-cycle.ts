/** podid installed, changed, taken back and removed by the real Helm. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import { identitiesLeft, objectsLeft, rulesLeft } from '../leftovers.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'
import type { World } from '../world.ts'

const RESOURCE = 'https://storage.azure.com'

/** The number of MIC's replicas, and whether NMI refuses instance metadata, as they run. */
async function running({ kubectl }: World): Promise<string> {
  const get = (what: string, path: string): Promise<string> =>
    kubectl.ok(['--namespace', RELEASE_NAMESPACE, 'get', what, '-o', `jsonpath=${path}`])
  const replicas = await get('deployment/podid-mic', '{.status.readyReplicas}')
  const flags = await get('daemonset/podid-nmi', '{.spec.template.spec.containers[0].args}')
  return `${replicas} ${flags.includes('--block-instance-metadata=true') ? 'blocked' : 'open'}`
}

/** The pods of the hooks end a moment after Helm. */
async function whenNothingLeft(world: World): Promise<void> {
  let left: readonly string[] = []
  const last = (): string => left.join(', ')
  await until('nothing is left of podid', { deadlineMs: 30_000, last }, async () => {
    left = await objectsLeft(world)
    return left.length === 0
  })
}

const whole: Scenario = {
  name: 'life-cycle',
  proves:
    'Helm installs podid on an empty cluster, upgrades it with other values, rolls back and removes it without one finalizer, iptables rule, object or identity left behind, and installs it again',
  ownCluster: true,
  smoke: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const { podid } = world
    assert.deepEqual(await rulesLeft(world), [])
    await podid.install()
    assert.equal(await running(world), '2 open')
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: 'pool-0' })
    assertToken(await pod.token(), shop.clientId)
    await place.pod('blue', { selector: shop.name, node: 'blue-0' })
    await place.whenAssigned('blue', [shop])

    await podid.install({ mic: { replicas: 1 }, nmi: { blockInstanceMetadata: 'true' } })
    assert.equal(await running(world), '1 blocked')
    const metadata = 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'
    assertRefused(await pod.get(metadata, { Metadata: 'true' }), 403, 'path-blocked')
    assertToken(await pod.token({ resource: RESOURCE }), shop.clientId, RESOURCE)

    await podid.rollback()
    assert.equal(await running(world), '2 open')
    assert.equal((await pod.get(metadata, { Metadata: 'true' })).status, 200)
    assertToken(await pod.token(), shop.clientId)

    // With pods that still have identities.
    await podid.uninstall()
    assert.deepEqual(identitiesLeft(world), [])
    await whenNothingLeft(world)
    assert.deepEqual(await rulesLeft(world), [])
    const own = await place.kubectl('get', 'azureidentities,azureidentitybindings', '-o', 'name')
    assert.equal(own.trim().split('\n').length, 2, 'what users wrote stays')

    await podid.install()
    assertToken(await pod.token(), shop.clientId)
    await place.whenAssigned('shop', [shop])
    await place.whenOnMachine('blue', [shop])
    await podid.uninstall()
    assert.deepEqual(await rulesLeft(world), [])
    assert.deepEqual(identitiesLeft(world), [])
  },
}

const onBridge: Scenario = {
  name: 'uninstall-on-a-bridge',
  proves: 'where pods share a bridge, an uninstall also takes the rules away that guard them from each other',
  shapes: ['bridge'],
  ownCluster: true,
  async run(place, world) {
    const { podid } = world
    await podid.install()
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: 'pool-0' })
    assertToken(await pod.token(), shop.clientId)
    assert.ok((await rulesLeft(world)).some((rule) => rule.includes('podid-guard')))
    await podid.uninstall()
    assert.deepEqual(await rulesLeft(world), [])
    await whenNothingLeft(world)
    assert.deepEqual(identitiesLeft(world), [])
  },
}

export const LIFE_CYCLE: readonly Scenario[] = [whole, onBridge]
