/** The chain pod, binding, identity: what each change of it does to the pod's tokens, objects and machine. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import { Place } from '../place.ts'
import type { Scenario } from '../scenario.ts'
import { assertRefused, assertToken } from '../token-answer.ts'

const NODE = 'pool-0'
const SCALE_SET = 'pool'

const rightAndWrong: Scenario = {
  name: 'right-identity-and-wrong-one',
  proves:
    'a pod with two bound identities gets each by client id, resource id and object id, and is refused the identity of its neighbour',
  async run(place, world) {
    const red = place.identity('red')
    const green = place.identity('green')
    const foreign = place.identity('foreign')
    await place.bind(red, { selector: red.name })
    await place.bind(green, { selector: red.name })
    await place.bind(foreign)
    const [pod, neighbour] = await Promise.all([
      place.pod('two', { selector: red.name, node: NODE }),
      place.pod('neighbour', { selector: foreign.name, node: NODE }),
    ])
    await place.whenAssigned('two', [red, green])
    for (const identity of [red, green]) {
      const principal = world.azure.state.identities.get(identity.id.toLowerCase())?.principalId
      assert.ok(principal)
      assertToken(await pod.token({ clientId: identity.clientId }), identity.clientId)
      assertToken(await pod.token({ clientId: identity.clientId.toUpperCase() }), identity.clientId)
      assertToken(await pod.token({ resourceId: identity.id }), identity.clientId)
      const claims = assertToken(await pod.token({ objectId: principal }), identity.clientId)
      assert.equal(claims['oid'], principal)
    }
    // The foreign identity is on this very node: only podid stands between.
    assertToken(await neighbour.token({ clientId: foreign.clientId }), foreign.clientId)
    assertRefused(await pod.token({ clientId: foreign.clientId }), 403, 'identity-not-bound')
    assertRefused(await pod.token({ resourceId: foreign.id }), 403, 'identity-not-bound')
    assertRefused(await neighbour.token({ clientId: red.clientId }), 403, 'identity-not-bound')
  },
}

const podDeleted: Scenario = {
  name: 'pod-deleted',
  proves: 'when a pod is deleted its AzureAssignedIdentity goes and its identity leaves the scale set',
  smoke: true,
  async run(place) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    assertToken(await pod.token(), shop.clientId)
    assert.deepEqual(place.onMachine(SCALE_SET), [shop.id.toLowerCase()])
    await pod.delete()
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
  },
}

const identityDeleted: Scenario = {
  name: 'identity-object-deleted',
  proves:
    'when the AzureIdentity is deleted its pod gets no token any more, the cached one neither, and gets one again when it is back',
  async run(place) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    assertToken(await pod.token(), shop.clientId)
    await place.kubectl('delete', 'azureidentity', shop.name)
    await until('the pod is refused', { deadlineMs: 20_000 }, async () => (await pod.token()).status !== 200)
    assertRefused(await pod.token(), 403, 'identity-missing')
    assertRefused(await pod.token({ clientId: shop.clientId }), 403, 'identity-missing')
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
    await place.apply(place.identityManifest(shop))
    await place.whenAssigned('shop', [shop])
    assertToken(await pod.token(), shop.clientId)
  },
}

const bindingDeleted: Scenario = {
  name: 'binding-deleted',
  proves:
    'when the AzureIdentityBinding is deleted its pod gets no token any more, the cached one neither, and the identity leaves the scale set',
  async run(place) {
    const shop = place.identity('shop')
    await place.bind(shop)
    const pod = await place.pod('shop', { selector: shop.name, node: NODE })
    assertToken(await pod.token(), shop.clientId)
    await place.kubectl('delete', 'azureidentitybinding', `${shop.name}-binding`)
    await until('the pod is refused', { deadlineMs: 20_000 }, async () => (await pod.token()).status !== 200)
    assertRefused(await pod.token(), 403, 'no-binding')
    assertRefused(await pod.token({ clientId: shop.clientId }), 403, 'no-binding')
    await place.whenNothingAssigned()
    await place.whenOnMachine(SCALE_SET, [])
  },
}

const identityChanged: Scenario = {
  name: 'identity-fields-changed',
  proves:
    'when an AzureIdentity is pointed at another Azure identity, its pods get tokens of the new one, never again of the old one, and the old one leaves the scale set',
  async run(place) {
    const before = place.identity('before')
    const after = { ...place.identity('after'), name: before.name }
    await place.bind(before)
    const pod = await place.pod('shop', { selector: before.name, node: NODE })
    assertToken(await pod.token(), before.clientId)
    const [object] = await place.whenAssigned('shop', [before])
    await place.apply(place.identityManifest(after))
    await until('the pod has the new identity', { deadlineMs: 60_000 }, async () => {
      const { status, body } = await pod.token()
      return status === 200 && (body as { client_id: string }).client_id === after.clientId
    })
    assertToken(await pod.token({ clientId: after.clientId }), after.clientId)
    assertRefused(await pod.token({ clientId: before.clientId }), 403, 'identity-not-bound')
    const [changed] = await place.whenAssigned('shop', [after])
    assert.equal(changed?.spec.azureIdentityRef.spec.clientID, after.clientId)
    assert.equal(changed.metadata.name, object?.metadata.name)
    await place.whenOnMachine(SCALE_SET, [after])
  },
}

const labelChanged: Scenario = {
  name: 'label-changed',
  proves:
    "when a running pod's label changes, the pod has the new binding's identity, and the object and token of the old one are gone",
  async run(place) {
    const red = place.identity('red')
    const green = place.identity('green')
    await place.bind(red)
    await place.bind(green)
    const pod = await place.pod('shop', { selector: red.name, node: NODE })
    assertToken(await pod.token(), red.clientId)
    await place.kubectl('label', 'pod', 'shop', '--overwrite', `aadpodidbinding=${green.name}`)
    const [object, ...more] = await place.whenAssigned('shop', [green])
    assert.equal(object?.spec.azureIdentityRef.metadata.name, green.name)
    assert.deepEqual(more, [])
    await place.whenOnMachine(SCALE_SET, [green])
    assertToken(await pod.token(), green.clientId)
    assertRefused(await pod.token({ clientId: red.clientId }), 403, 'identity-not-bound')
    await place.kubectl('label', 'pod', 'shop', 'aadpodidbinding-')
    await place.whenNothingAssigned()
    assertRefused(await pod.token(), 403, 'no-label')
  },
}

const NAMESPACED = { 'aadpodidentity.k8s.io/Behavior': 'namespaced' }

const sameNames: Scenario = {
  name: 'same-names-in-two-namespaces',
  proves:
    'identities, bindings and pods of the same names in two namespaces stay apart: each pod gets the identity of its own namespace, or asks for either when both are open',
  async run(place, world) {
    const other = new Place(world, 'same-names-other')
    await other.open()
    const here = place.identity('shop')
    const there = { ...other.identity('shop'), name: here.name }
    const selector = here.name
    const sites = [
      { at: place, own: here, foreign: there },
      { at: other, own: there, foreign: here },
    ]
    for (const { at, own } of sites) {
      const identity = at.identityManifest(own)
      const metadata = { name: own.name, annotations: NAMESPACED }
      await at.apply({ ...identity, metadata }, at.bindingManifest(own, selector))
    }
    for (const { at, own, foreign } of sites) {
      const pod = await at.pod('shop', { selector, node: NODE })
      assertToken(await pod.token(), own.clientId)
      assertRefused(await pod.token({ clientId: foreign.clientId }), 403, 'namespace-mismatch')
      const assigned = await at.assigned()
      assert.deepEqual(
        assigned.map(({ metadata, spec }) => [metadata.namespace, spec.azureIdentityRef.spec.clientID]),
        [[at.namespace, own.clientId]],
      )
    }
    // Without the annotation both bindings select both pods: two objects that would have one name.
    for (const { at, own } of sites) await at.apply(at.identityManifest(own))
    for (const { at, own, foreign } of sites) {
      await at.whenAssigned('shop', [own, foreign])
      const pod = at.existing('shop')
      assertToken(await pod.token({ clientId: own.clientId }), own.clientId)
      assertToken(await pod.token({ clientId: foreign.clientId }), foreign.clientId)
    }
    await other.close()
  },
}

export const BINDINGS: readonly Scenario[] = [
  rightAndWrong,
  podDeleted,
  identityDeleted,
  bindingDeleted,
  identityChanged,
  labelChanged,
  sameNames,
]
