import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeException, makePod } from '../../test/make/objects.ts'
import { isControllerPod, matchingException } from './exception.ts'

test('one equal label in the same namespace is enough', () => {
  const exception = makeException({ podLabels: { app: 'mic', other: 'x' } })
  assert.equal(matchingException(makePod({ labels: { app: 'mic' } }), [exception]), exception)
  assert.equal(matchingException(makePod({ labels: { app: 'nmi' } }), [exception]), undefined)
  assert.equal(matchingException(makePod({ namespace: 'b', labels: { app: 'mic' } }), [exception]), undefined)
})

test('an exception without labels excepts nobody, and inherited properties are no labels', () => {
  const pod = makePod({ labels: {} })
  assert.equal(matchingException(pod, [makeException({ podLabels: {} })]), undefined)
  const odd = JSON.parse('{"toString":"x"}') as Record<string, string>
  assert.equal(matchingException(pod, [makeException({ podLabels: odd })]), undefined)
})

test("the controller's own pods are known by namespace and ReplicaSet", () => {
  assert.equal(isControllerPod(makePod({ replicaSet: 'mic-7d9f' }), 'default'), true)
  assert.equal(isControllerPod(makePod({ replicaSet: 'shop-7d9f' }), 'default'), false)
  assert.equal(isControllerPod(makePod({ namespace: 'x', replicaSet: 'mic-7d9f' }), 'default'), false)
})
