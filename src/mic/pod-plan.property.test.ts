import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeAssigned, makeBinding, makeIdentity } from '../../test/make/objects.ts'
import { objectKey } from '../model/names.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import type { DesiredAssignment } from './desired.ts'
import { planPod } from './pod-plan.ts'

const NAMESPACES = ['default', 'team'] as const
const IDENTITIES = ['one', 'two'] as const

function desiredFor(namespace: string, name: string): DesiredAssignment {
  const identity = makeIdentity({ namespace, name })
  return {
    pod: 'p',
    podNamespace: 'default',
    podUid: 'uid',
    nodeName: 'node-0',
    identity,
    binding: makeBinding({ namespace, azureIdentity: name }),
    namespace: 'default',
    armId: identity.resourceId.toLowerCase(),
    group: undefined,
  }
}

const identityKey = fc.record({
  namespace: fc.constantFrom(...NAMESPACES),
  name: fc.constantFrom(...IDENTITIES),
})
const desiredList = fc.uniqueArray(identityKey, { selector: (it) => objectKey(it.namespace, it.name) })
const existing = fc.uniqueArray(
  fc.record({
    identity: identityKey,
    name: fc.constantFrom('p-default-one', 'p-default-two', 'odd-1', 'odd-2'),
    deleting: fc.boolean(),
    foreign: fc.boolean(),
  }),
  { selector: (it) => it.name },
)

test('every assignment has one slot with a name of its own, every other object of the pod is released, and foreign names are never taken', () => {
  fc.assert(
    fc.property(desiredList, existing, (wanted, objects) => {
      const all = new Map<string, AzureAssignedIdentity>()
      for (const { identity, name, deleting, foreign } of objects) {
        const pod = foreign ? 'other' : 'p'
        const object = makeAssigned({ name, pod, deleting, identity: makeIdentity(identity) })
        all.set(objectKey(object.namespace, object.name), object)
      }
      const own = [...all.values()].filter((object) => object.pod === 'p')
      const desired = wanted.map((each) => desiredFor(each.namespace, each.name))
      const { slots, release } = planPod(desired, own, (key) => all.get(key))
      assert.equal(slots.length, desired.length)
      assert.equal(new Set(slots.map((slot) => slot.name)).size, slots.length)
      const used = slots.flatMap((slot) => (slot.object === undefined ? [] : [slot.object]))
      assert.deepEqual(new Set([...used, ...release]), new Set(own))
      for (const slot of slots) {
        if (slot.object !== undefined) {
          assert.equal(slot.object.deleting, false)
          assert.equal(slot.object.identity.name, slot.desired.identity.name)
          assert.equal(slot.object.identity.namespace, slot.desired.identity.namespace)
          assert.equal(slot.name, slot.object.name)
        } else if (!slot.blocked) {
          assert.equal(all.has(objectKey('default', slot.name)), false)
        } else {
          assert.equal(all.get(objectKey('default', slot.name))?.pod, 'p')
        }
      }
    }),
  )
})

test('what was created by one plan is kept by the next, so no name ever changes', () => {
  fc.assert(
    fc.property(desiredList, fc.boolean(), (wanted, reversed) => {
      const desired = wanted.map((each) => desiredFor(each.namespace, each.name))
      const first = planPod(desired, [], () => undefined)
      const objects = first.slots.map((slot) =>
        makeAssigned({ name: slot.name, pod: 'p', identity: slot.desired.identity }),
      )
      const next = planPod(reversed ? desired.toReversed() : desired, objects, (key) =>
        objects.find((object) => objectKey(object.namespace, object.name) === key),
      )
      assert.deepEqual(next.release, [])
      const names = new Map(next.slots.map((slot) => [slot.desired, slot.name]))
      for (const slot of first.slots) assert.equal(names.get(slot.desired), slot.name)
    }),
  )
})
