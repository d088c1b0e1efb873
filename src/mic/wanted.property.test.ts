import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { vmssId } from '../../test/make/mic-world.ts'
import { makeBinding, makeIdentity } from '../../test/make/objects.ts'
import { assignableId } from '../model/assigned.ts'
import type { DesiredAssignment } from './desired.ts'
import { Wanted } from './wanted.ts'
import { groupFromId } from './world.ts'

const assignment = fc.record({
  identity: fc.constantFrom('a', 'b', 'c'),
  group: fc.constantFrom('red', 'blue', ''),
  type: fc.constantFrom(0 as const, 1 as const),
})

function desiredOf(each: { identity: string; group: string; type: 0 | 1 }): DesiredAssignment {
  const identity = makeIdentity({ name: each.identity, type: each.type })
  return {
    pod: 'p',
    podNamespace: 'default',
    podUid: '',
    nodeName: 'n',
    identity,
    binding: makeBinding(),
    namespace: 'default',
    armId: assignableId(identity),
    group: each.group === '' ? undefined : groupFromId(vmssId(each.group)),
  }
}

test('the reverse view is what the pods say, and a group is named when an identity gains its first or loses its last pod there', () => {
  const update = fc.record({
    pod: fc.constantFrom('p', 'q', 'r'),
    desired: fc.array(assignment, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(update, { maxLength: 12 }), (updates) => {
      const wanted = new Wanted()
      const model = new Map<string, readonly DesiredAssignment[]>()
      const slots = (): Set<string> =>
        new Set(
          [...model.values()]
            .flat()
            .flatMap(({ armId, group }) =>
              armId === undefined || group === undefined ? [] : [`${group.id} ${armId}`],
            ),
        )
      for (const { pod, desired } of updates) {
        const before = slots()
        const list = desired.map(desiredOf)
        model.set(pod, list)
        const touched = wanted.set(pod, list)
        const after = slots()
        const different = [...before, ...after].filter((slot) => before.has(slot) !== after.has(slot))
        const changed = new Set(different.map((slot) => slot.split(' ')[0] ?? ''))
        assert.deepEqual(touched, changed)
        const seen = new Set<string>()
        for (const groupId of wanted.groups()) {
          for (const [armId, pods] of wanted.inGroup(groupId)) {
            seen.add(`${groupId} ${armId}`)
            assert.ok(pods.size > 0)
          }
        }
        assert.deepEqual(seen, after)
      }
    }),
  )
})
