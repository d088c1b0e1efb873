/** Identities that podid leaves alone, and those that it puts back. */
import assert from 'node:assert/strict'
import { patchesOf, startedPatches } from '../arm-patches.ts'
import { CLUSTER_CLIENT, CLUSTER_IDENTITY } from '../cluster/cluster-azure.ts'
import { until } from '../cluster/until.ts'
import type { Scenario } from '../scenario.ts'
import { assertToken } from '../token-answer.ts'

/** It has a system-assigned identity. */
const SCALE_SET = 'blue'
const NODE = 'blue-0'

const ofOthers: Scenario = {
  name: 'identities-of-others-stay',
  proves:
    "the scale set's system-assigned identity, its user's own identities, bound to pods or not, and the identity of the cluster stay when pods that use them come and go",
  async run(place, world) {
    const scaleSet = world.compute(SCALE_SET)
    const own = place.identity('own')
    const ownUnbound = place.identity('own-unbound')
    for (const { id } of [own, ownUnbound]) world.azure.control.assign(scaleSet.id, id)
    const cluster = { name: 'cluster', id: CLUSTER_IDENTITY, clientId: CLUSTER_CLIENT }
    const guest = place.identity('guest')
    const used = [own, cluster, guest]
    const selector = guest.name
    for (const identity of used) await place.bind(identity, { selector })
    const pod = await place.pod('shop', { selector, node: NODE })
    await place.whenAssigned('shop', used)
    for (const { clientId } of used) assertToken(await pod.token({ clientId }), clientId)
    await place.whenOnMachine(SCALE_SET, [own, ownUnbound, guest])
    await pod.delete()
    await place.whenNothingAssigned()
    // When the guest is off, whatever was to leave has left: one PATCH takes off all.
    await place.whenOnMachine(SCALE_SET, [own, ownUnbound])
    assert.equal(scaleSet.identity.system, true)
    assert.ok(scaleSet.identity.user.has(CLUSTER_IDENTITY.toLowerCase()))
    const { additions, removals } = patchesOf(world, guest)
    assert.equal(removals.length, 1)
    for (const { body } of [...additions, ...removals]) {
      const { identity } = body as { identity: { type: string } }
      assert.match(identity.type, /^SystemAssigned, ?UserAssigned$/)
    }
    for (const { id } of [own, ownUnbound, cluster]) assert.deepEqual(startedPatches(world, id), [])
  },
}

const keptAndPutBack: Scenario = {
  name: 'identities-kept-and-put-back',
  proves:
    'an identity of mic.immutableUserMSIs stays on the scale set when its last pod goes; one in use that somebody takes off by hand is put back by the next reconcile, one that nobody uses is not',
  alone: true,
  async run(place, world) {
    const { id } = world.compute(SCALE_SET)
    const immutable = place.identity('immutable')
    const shop = place.identity('shop')
    const unused = place.identity('unused')
    for (const identity of [immutable, shop]) await place.bind(identity)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    const [before] = await place.whenAssigned('shop', [shop])
    world.azure.control.assign(id, unused.id)
    // A new MIC believes what ARM shows; one that has just put the identity there waits for ARM to catch up.
    await world.podid.install({
      mic: {
        immutableUserMSIs: [immutable.clientId.toUpperCase()],
        identityAssignmentReconcileInterval: '5s',
      },
    })
    try {
      for (const each of [shop, unused]) world.azure.control.unassign(id, each.id)
      assert.deepEqual(place.onMachine(SCALE_SET), [])
      await place.whenOnMachine(SCALE_SET, [shop])
      const [after] = await place.whenAssigned('shop', [shop])
      assert.equal(after?.metadata.uid, before?.metadata.uid)
      // Another resource has another token: the node's IMDS must know the identity again.
      const resource = 'https://storage.azure.com/'
      const answer = await until('IMDS knows it again', { deadlineMs: 30_000 }, async () => {
        const found = await pod.token({ resource })
        return found.status === 200 && found
      })
      assertToken(answer, shop.clientId, resource)

      const kept = await place.pod('kept', { selector: immutable.name, node: NODE })
      assertToken(await kept.token(), immutable.clientId)
      await kept.delete()
      await pod.delete()
      await place.whenNothingAssigned()
      await place.whenOnMachine(SCALE_SET, [immutable])
      assert.equal(patchesOf(world, shop).removals.length, 1)
      assert.equal(patchesOf(world, immutable).removals.length, 0)
    } finally {
      await world.podid.install()
    }
  },
}

export const IDENTITIES_KEPT: readonly Scenario[] = [ofOthers, keptAndPutBack]
