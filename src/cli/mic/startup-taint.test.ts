import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MicFlags } from './config.ts'
import { startupTaintOf } from './startup-taint.ts'

const of = (key: string) =>
  startupTaintOf({ 'startup-taint': key, 'nmi-namespace': 'n', 'nmi-selector': 's=1' } as MicFlags)

test('without the flag there is no start-up taint; with it the pods of NMI are named beside the key', () => {
  assert.equal(of(''), undefined)
  assert.deepEqual(of('podid.dev/agent-not-ready'), {
    key: 'podid.dev/agent-not-ready',
    namespace: 'n',
    selector: 's=1',
  })
  for (const key of ['starting', 'a.b-c.d/E_f.9', 'mykubernetes.io/x', 'x/kubernetes.io'])
    assert.equal(of(key)?.key, key)
})

test('a key with value or effect, or that is no key, is told as such', () => {
  for (const key of [
    'a/b:NoSchedule',
    'a=b',
    'a=b:NoSchedule',
    '/b',
    'a/',
    'a b',
    '-a',
    'A.B/c',
    'a/b/c',
    'x'.repeat(64),
  ])
    assert.throws(() => of(key), /the key of a taint alone.*is none/s, key)
})

test('taints of Kubernetes and AKS are not for podid to remove', () => {
  for (const key of [
    'node.kubernetes.io/not-ready',
    'kubernetes.io/x',
    'node.cloudprovider.kubernetes.io/uninitialized',
    'x.k8s.io/y',
    'kubernetes.azure.com/scalesetpriority',
  ])
    assert.throws(() => of(key), /belongs to Kubernetes/, key)
})
