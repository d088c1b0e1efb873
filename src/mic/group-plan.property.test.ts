import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { GroupIdentities } from '../azure/arm.ts'
import { afterChange, type GroupChange, patchFor, planGroup, slicesOf, staleRecords } from './group-plan.ts'
import type { Origin } from './ownership.ts'

const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const

const slot = fc.record({
  wanted: fc.boolean(),
  present: fc.boolean(),
  origin: fc.constantFrom<Origin | undefined>('added', 'found', undefined),
  isProtected: fc.boolean(),
  isApart: fc.boolean(),
})
const world = fc.tuple(...IDS.map(() => slot))
type Slots = readonly {
  wanted: boolean
  present: boolean
  origin: Origin | undefined
  isProtected: boolean
  isApart: boolean
}[]

const idsWhere = (slots: Slots, holds: (slot: Slots[number]) => boolean): string[] =>
  IDS.filter((_, index) => {
    const each = slots[index]
    return each !== undefined && holds(each)
  })

function plan(slots: Slots): GroupChange {
  const of = (id: string) => slots[IDS.indexOf(id as (typeof IDS)[number])]
  return planGroup({
    wanted: new Set(idsWhere(slots, (each) => each.wanted)),
    present: new Set(idsWhere(slots, (each) => each.present)),
    origin: (id) => of(id)?.origin,
    isProtected: (id) => of(id)?.isProtected === true,
    isApart: (id) => of(id)?.isApart === true,
  })
}

test('a plan adds exactly what is wanted and missing, and removes exactly what podid added and nobody wants', () => {
  fc.assert(
    fc.property(world, (slots) => {
      const { add, remove } = plan(slots)
      const mustAdd = idsWhere(slots, (it) => it.wanted && !it.present && !it.isApart)
      const mayRemove = idsWhere(
        slots,
        (it) => !it.wanted && it.present && it.origin === 'added' && !it.isProtected && !it.isApart,
      )
      assert.deepEqual(add, mustAdd)
      assert.deepEqual(remove, mayRemove)
    }),
  )
})

const observedOf = (slots: Slots, systemAssigned: boolean): GroupIdentities => ({
  systemAssigned,
  provisioningState: '',
  identities: new Map(
    idsWhere(slots, (it) => it.present).map((id) => [id, { clientId: id, principalId: id }]),
  ),
})

test('after a plan was carried out the next one is empty', () => {
  fc.assert(
    fc.property(world, fc.boolean(), (slots, systemAssigned) => {
      const after = afterChange(plan(slots), observedOf(slots, systemAssigned))
      const next = slots.map((each, index) => ({ ...each, present: after.identities.has(IDS[index] ?? '') }))
      assert.deepEqual(plan(next), { add: [], remove: [] })
    }),
  )
})

test('slices hold every id once, at most 150 each, removals first, and each one says rightly whether the group is empty after it', () => {
  const amount = fc.integer({ min: 0, max: 400 })
  fc.assert(
    fc.property(amount, amount, fc.integer({ min: 0, max: 2 }), (adds, removes, others) => {
      const change = {
        add: Array.from({ length: adds }, (_, i) => `add-${i}`),
        remove: Array.from({ length: removes }, (_, i) => `remove-${i}`),
      }
      const held = [...change.remove, ...Array.from({ length: others }, (_, i) => `other-${i}`)]
      let observed: GroupIdentities = {
        systemAssigned: false,
        provisioningState: '',
        identities: new Map(held.map((id) => [id, { clientId: '', principalId: '' }])),
      }
      const slices = slicesOf(change)
      for (const slice of slices) {
        assert.ok(slice.add.length + slice.remove.length <= 150)
        const patch = patchFor(slice, observed)
        observed = afterChange(slice, observed)
        assert.equal(patch.empties, observed.identities.size === 0)
      }
      assert.deepEqual(
        slices.flatMap((slice) => slice.add),
        change.add,
      )
      assert.deepEqual(
        slices.flatMap((slice) => slice.remove),
        change.remove,
      )
      assert.equal(observed.identities.size, adds + others)
    }),
    { numRuns: 50 },
  )
})

test('a record is dropped when its identity is unwanted and gone, and a found mark when it is unwanted', () => {
  const recorded = [
    ['gone', 'added'],
    ['held', 'added'],
    ['wanted', 'added'],
    ['theirs', 'found'],
    ['healing', 'found'],
  ] as const
  assert.deepEqual(staleRecords(recorded, new Set(['wanted', 'healing']), new Set(['held', 'theirs'])), [
    'gone',
    'theirs',
  ])
})
