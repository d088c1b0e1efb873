/** Which identities are on a scale set while pods come and go, and identities are wrong. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { appPodTemplate } from '../app-pod.ts'
import { patchesOf } from '../arm-patches.ts'
import { until } from '../cluster/until.ts'
import type { Identity, Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'

const SCALE_SET = 'pool'
const FOREIGN_SUBSCRIPTION = '22222222-3333-4444-5555-666666666666'

const badOnesInBatch: Scenario = {
  name: 'invalid-identities-in-a-batch',
  proves:
    'of identities that come in one batch the valid ones are assigned, those that do not exist or may not be assigned are named with the reason, and a late one is assigned once it exists',
  smoke: true,
  async run(place, world) {
    const good = [place.identity('good-a'), place.identity('good-b')]
    const absent = place.absentIdentity('absent')
    const forbidden = foreignIdentity(place.absentIdentity('forbidden'))
    world.azure.plant({
      subscriptions: [FOREIGN_SUBSCRIPTION],
      identities: [{ id: forbidden.id, clientId: forbidden.clientId }],
    })
    const all = [absent, ...good, forbidden]
    const manifests = all.flatMap((each) => [
      place.identityManifest(each),
      place.bindingManifest(each, each.name),
    ])
    await place.apply(...manifests)
    const pods = await Promise.all(
      all.map((each) => place.startPod(each.name, { selector: each.name, node: 'pool-0' })),
    )
    await Promise.all(pods.map((pod) => pod.running()))
    for (const [at, identity] of all.entries())
      if (good.includes(identity)) assertToken((await pods[at]?.token()) ?? fail(), identity.clientId)
    for (const [at, identity] of all.entries()) {
      if (good.includes(identity)) continue
      const answer = (await pods[at]?.token()) ?? fail()
      assertRefused(answer, 503, 'assignment-failed')
      assert.ok(Number(answer.retryAfter) > 0)
      const { status } = await whenFailed(place, identity)
      assert.ok((status?.message ?? '').includes(identity.name), status?.message)
      const text = `${status?.message ?? ''} ${JSON.stringify(answer.body)}`
      assert.match(text, identity === forbidden ? /Managed Identity Operator/ : /does not exist/)
    }
    await place.whenOnMachine(SCALE_SET, good)
    place.plant(absent)
    await place.whenAssigned(absent.name, [absent], 90_000)
    assertToken((await pods[0]?.token()) ?? fail(), absent.clientId)
  },
}

const badOneLater: Scenario = {
  name: 'invalid-identity-comes-later',
  proves:
    'an invalid identity for a pod that has a valid one takes nothing away: the valid one is never unassigned, its object stays the same, its tokens go on',
  async run(place, world) {
    const good = place.identity('good')
    await place.bind(good)
    const pod = await place.pod('shop', { selector: good.name, node: 'pool-0' })
    const [before] = await place.whenAssigned('shop', [good])
    const bad = place.absentIdentity('bad')
    await place.bind(bad, { selector: good.name })
    await whenFailed(place, bad)
    assertToken(await pod.token({ clientId: good.clientId }), good.clientId)
    assertToken(await pod.token(), good.clientId)
    assertRefused(await pod.token({ clientId: bad.clientId }), 503, 'assignment-failed')
    const another = place.identity('another')
    await place.bind(another, { selector: good.name })
    await until('another identity is assigned beside the bad one', { deadlineMs: 60_000 }, async () =>
      (await place.assigned()).some(
        ({ spec, status }) =>
          spec.azureIdentityRef.metadata.name === another.name && status?.status === 'Assigned',
      ),
    )
    const after = (await place.assigned()).find(({ metadata }) => metadata.uid === before?.metadata.uid)
    assert.equal(after?.status?.status, 'Assigned')
    await place.whenOnMachine(SCALE_SET, [good, another])
    assert.equal(patchesOf(world, good).removals.length, 0)
  },
}

const COUNT = 5

const manyInAnyOrder: Scenario = {
  name: 'identities-removed-in-any-order',
  proves:
    'identities that come one by one and go in random order: after each step the scale set has exactly those that pods still use',
  async run(place, world) {
    const identities = Array.from({ length: COUNT }, (_, at) => place.identity(`id-${at}`))
    const present: Identity[] = []
    for (const [at, identity] of identities.entries()) {
      await place.bind(identity)
      await place.startPod(identity.name, { selector: identity.name, node: `pool-${at % 2}` })
      present.push(identity)
      await place.whenOnMachine(SCALE_SET, present)
    }
    for (const { name } of identities) await place.existing(name).running()
    const order: string[] = []
    while (present.length > 0) {
      const [gone] = present.splice(randomInt(present.length), 1)
      assert.ok(gone)
      order.push(gone.name)
      await place.existing(gone.name).delete('--wait=false')
      await place.whenOnMachine(SCALE_SET, present)
      const [next] = present
      if (next !== undefined) assertToken(await place.existing(next.name).token(), next.clientId)
    }
    await place.whenNothingAssigned()
    world.say(`       removed in this order: ${order.join(', ')}`)
  },
}

const PODS = 40

const fortyPods: Scenario = {
  name: 'forty-pods',
  proves:
    '40 pods that are created at once have their AzureAssignedIdentity objects, all Assigned, in seconds',
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const template = appPodTemplate({ selector: shop.name, labels: { app: 'shop' } })
    const started = world.clock.monotonic()
    await place.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop' },
      spec: { replicas: PODS, selector: { matchLabels: { app: 'shop' } }, template },
    })
    let seen = 0
    await until(`${PODS} pods are assigned`, { deadlineMs: 150_000, last: () => String(seen) }, async () => {
      const assigned = (await place.assigned()).filter(({ status }) => status?.status === 'Assigned')
      seen = new Set(assigned.map(({ spec }) => spec.pod)).size
      return seen === PODS
    })
    const seconds = (world.clock.monotonic() - started) / 1000
    world.say(
      `       ${PODS} pods: all Assigned ${seconds.toFixed(1)} s after the Deployment (the aim was 150 s)`,
    )
    assert.equal((await place.assigned()).length, PODS)
    for (const name of (await place.podNames('app=shop')).slice(0, 3)) {
      const pod = place.existing(name)
      await pod.running()
      assertToken(await pod.token(), shop.clientId)
    }
    await place.kubectl('delete', 'deployment', 'shop')
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
    await place.whenOnMachine('blue', [])
  },
}

const stillInUse: Scenario = {
  name: 'identity-still-in-use',
  proves:
    'an identity that a pod on another node of the scale set uses stays when its other pod goes, and leaves with the last one',
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const [first, second] = await Promise.all([
      place.pod('first', { selector: shop.name, node: 'pool-0' }),
      place.pod('second', { selector: shop.name, node: 'pool-1' }),
    ])
    await place.whenAssigned('first', [shop])
    await place.whenAssigned('second', [shop])
    await first.delete()
    await until('the object of the first pod is gone', { deadlineMs: 60_000 }, async () =>
      (await place.assigned()).every(({ spec }) => spec.pod === 'second'),
    )
    assert.deepEqual(place.onMachine(SCALE_SET), [shop.id.toLowerCase()])
    assertToken(await second.token(), shop.clientId)
    assert.equal(patchesOf(world, shop).removals.length, 0)
    await second.delete()
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
    assert.equal(patchesOf(world, shop).removals.length, 1)
  },
}

const removedByHand: Scenario = {
  name: 'removed-by-hand-then-deleted',
  proves:
    'an AzureAssignedIdentity whose identity was taken off the scale set by hand ends with its pod, its finalizer too',
  async run(place, world) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: 'pool-0' })
    const [object] = await place.whenAssigned('shop', [shop])
    assert.equal(object?.metadata.finalizers?.length, 1)
    world.azure.control.unassign(world.compute(SCALE_SET).id, shop.id)
    await pod.delete()
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
  },
}

/** The same identity in a subscription where MIC has no rights. */
function foreignIdentity(identity: Identity): Identity {
  return {
    ...identity,
    id: identity.id.replace(/subscriptions\/[^/]+/, `subscriptions/${FOREIGN_SUBSCRIPTION}`),
  }
}

function whenFailed(place: Place, identity: Identity) {
  return until(`${identity.name} is told to have failed`, { deadlineMs: 60_000 }, async () =>
    (await place.assigned()).find(
      ({ spec, status }) =>
        spec.azureIdentityRef.metadata.name === identity.name && status?.reason === 'assignment-failed',
    ),
  )
}

function fail(): never {
  throw new Error('there is no such pod')
}

export const ASSIGNMENT: readonly Scenario[] = [
  badOnesInBatch,
  badOneLater,
  manyInAnyOrder,
  fortyPods,
  stillInUse,
  removedByHand,
]
