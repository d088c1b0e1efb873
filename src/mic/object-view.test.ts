import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { FakeCluster } from '../../test/fakes/fake-cluster.ts'
import { makeAssigned } from '../../test/make/objects.ts'
import { ObjectStore } from '../kube/store.ts'
import type { AzureAssignedIdentity } from '../model/resources.ts'
import { ObjectView } from './object-view.ts'
import { World } from './world.ts'

const KEY = 'default/p'
const at = (resourceVersion: string, fields: Partial<AzureAssignedIdentity> = {}) =>
  makeAssigned({ name: 'p', pod: 'p', resourceVersion, state: 'Created', ...fields })

function makeView() {
  const clock = new FakeClock()
  const assigned = new ObjectStore<AzureAssignedIdentity>()
  const view = new ObjectView(new World({ ...new FakeCluster(clock).watch().stores, assigned }), clock)
  assigned.subscribe((change) => view.observe(change))
  const state = (): string | undefined => view.get(KEY)?.state
  return { assigned, clock, state, view }
}

test('an own write is seen before its event, for the object and for its pod', () => {
  const { state, view } = makeView()
  view.wrote(at('1'))
  assert.equal(state(), 'Created')
  assert.equal(view.ofPod('default/p').length, 1)
})

test('the event of an older own write does not bring an old state back', () => {
  const { assigned, state, view } = makeView()
  view.wrote(at('1'))
  view.wrote(at('2', { state: 'Assigned' }))
  assigned.put(KEY, at('1'))
  assert.equal(state(), 'Assigned')
  assert.equal(view.ofPod('default/p').length, 1)
  assigned.put(KEY, at('2', { state: 'Assigned' }))
  assert.equal(state(), 'Assigned')
})

test('the write of somebody else wins over an own one', () => {
  const { assigned, state, view } = makeView()
  view.wrote(at('1'))
  assigned.put(KEY, at('7', { state: 'Unassigned' }))
  assert.equal(state(), 'Unassigned')
})

test('a removed object stays removed until its event, and a new one of its name is seen', () => {
  const { assigned, view } = makeView()
  assigned.put(KEY, at('1'))
  view.removed(at('1'))
  assert.equal(view.get(KEY), undefined)
  assigned.put(KEY, at('2', { deleting: true }))
  assert.equal(view.get(KEY), undefined)
  assigned.remove(KEY)
  assigned.put(KEY, at('5', { uid: 'another' }))
  assert.equal(view.get(KEY)?.uid, 'another')
  assert.equal(view.ofPod('default/p').length, 1)
})

test('the end of an earlier object does not hide the one that was written since', () => {
  const { assigned, view } = makeView()
  assigned.put(KEY, at('1', { uid: 'first' }))
  view.wrote(at('9', { uid: 'second' }))
  assigned.remove(KEY)
  assert.equal(view.get(KEY)?.uid, 'second')
})

test('an own write whose event never comes is believed for a while only', async () => {
  const { clock, view } = makeView()
  view.wrote(at('1'))
  await clock.advance(31_000)
  assert.equal(view.get(KEY), undefined)
  assert.deepEqual(view.ofPod('default/p'), [])
})

test('own writes whose events came before their answers are not remembered for ever', async () => {
  const { assigned, clock, view } = makeView()
  for (let n = 0; n < 50; n += 1) {
    const object = at('1', { name: `p-${n}`, pod: `p-${n}`, uid: `uid-${n}` })
    assigned.put(`default/p-${n}`, object)
    view.wrote(object)
    assigned.remove(`default/p-${n}`)
    view.removed(object)
    await clock.advance(1_000)
  }
  assert.ok(view.size <= 30, `${view.size} are remembered`)
})
