import assert from 'node:assert/strict'
import { test } from 'node:test'
import { vmId } from '../../test/make/mic-world.ts'
import { identityId, makeBinding, makeIdentity, makePod } from '../../test/make/objects.ts'
import type { Match } from '../model/match.ts'
import type { Pod } from '../model/resources.ts'
import { asksForIdentity, type DesiredAssignment, desiredAssignments } from './desired.ts'
import { groupFromId } from './world.ts'

const placement = { group: groupFromId(vmId('a')), providerId: '' }
const match = (binding: string, identity = makeIdentity()): Match => ({
  binding: makeBinding({ name: binding, azureIdentity: identity.name }),
  identity,
})
const desiredBy = (pod: Pod, matches: Match[], forceNamespaced = false): readonly DesiredAssignment[] =>
  desiredAssignments(pod, matches, placement, { forceNamespaced })

test('only a labelled pod that has a node and has not finished asks for an identity', () => {
  assert.ok(asksForIdentity(makePod()))
  assert.ok(asksForIdentity(makePod({ phase: 'Pending' })))
  assert.ok(asksForIdentity(makePod({ phase: 'Unknown' })))
  assert.ok(asksForIdentity(makePod({ deleting: true })))
  assert.ok(!asksForIdentity(makePod({ selector: '' })))
  assert.ok(!asksForIdentity(makePod({ nodeName: '' })))
  assert.ok(!asksForIdentity(makePod({ phase: 'Succeeded' })))
  assert.ok(!asksForIdentity(makePod({ phase: 'Failed' })))
})

test('two bindings to one identity are one assignment, through the first of them', () => {
  const desired = desiredBy(makePod(), [match('first'), match('second')])
  assert.deepEqual(
    desired.map((each) => each.binding.name),
    ['first'],
  )
})

test('two AzureIdentity objects with one resource id are two assignments of one ARM id', () => {
  const resourceId = identityId('shared')
  const desired = desiredBy(makePod(), [
    match('a', makeIdentity({ name: 'one', resourceId })),
    match('b', makeIdentity({ name: 'two', resourceId: resourceId.toUpperCase() })),
  ])
  assert.deepEqual(
    desired.map((each) => [each.identity.name, each.armId]),
    [
      ['one', resourceId.toLowerCase()],
      ['two', resourceId.toLowerCase()],
    ],
  )
})

test('an object lives in default, or beside its identity when that is namespaced', () => {
  const identity = makeIdentity({ namespace: 'team' })
  const namespaceOf = (each: Match, force = false) => desiredBy(makePod(), [each], force)[0]?.namespace
  assert.equal(namespaceOf(match('b', identity)), 'default')
  assert.equal(namespaceOf(match('b', { ...identity, namespaced: true })), 'team')
  assert.equal(namespaceOf(match('b', identity), true), 'team')
})

test('on a node that is not there nothing is wanted', () => {
  assert.deepEqual(desiredAssignments(makePod(), [match('b')], undefined, { forceNamespaced: false }), [])
})

test('a service principal has no ARM id', () => {
  const [desired] = desiredBy(makePod(), [match('b', makeIdentity({ type: 2 }))])
  assert.equal(desired?.armId, undefined)
})
