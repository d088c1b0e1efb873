import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { json, startScriptedApi } from '../../test/fakes/scripted-api.ts'
import { systemClock } from '../base/clock.ts'
import { createRest } from '../kube/rest.ts'
import { explainPod } from './explain.ts'

const never = new AbortController().signal
const uid = '00000000-0000-4000-8000-000000000001'
const list = (...items: object[]) => json(200, { metadata: { resourceVersion: '1' }, items })

const POD = {
  metadata: { namespace: 'shop', name: 'web', uid, labels: { aadpodidbinding: 'shop' } },
  spec: { nodeName: 'node-0' },
  status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] },
}
const meta = (namespace: string) => ({ namespace, name: 'shop', uid })
const binding = (namespace: string) => ({
  metadata: meta(namespace),
  spec: { azureIdentity: 'shop', selector: 'shop' },
})
const identity = (namespace: string) => ({
  metadata: meta(namespace),
  spec: {
    type: 0,
    resourceID:
      '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i',
    clientID: '5a0b0c0d-0000-4000-8000-000000000001',
  },
})

/** A cluster with the pod, bindings and identities, and no AzureAssignedIdentity. */
async function explained(t: TestContext, managed: boolean, namespace = 'shop') {
  const api = await startScriptedApi(
    json(200, POD),
    list(binding(namespace)),
    list(identity(namespace)),
    list(),
  )
  t.after(() => api.close())
  const rest = createRest(api.connection(), systemClock)
  const asked = { namespace: 'shop', name: 'web', managed, forceNamespaced: false }
  const links = await explainPod(rest, asked, never)
  return { asked: api.asked.map(({ path }) => path.split('/').at(-1)), links }
}

test('in managed mode a bound pod is well without an AzureAssignedIdentity, which nobody asks for', async (t) => {
  const { links, asked } = await explained(t, true)
  assert.deepEqual(
    links.map(({ name, ok }) => `${name} ${ok}`),
    ['pod true', 'label true', 'binding true', 'identity true'],
  )
  assert.deepEqual(asked, ['web', 'azureidentitybindings', 'azureidentities'])
})

test('in standard mode a missing AzureAssignedIdentity is a broken link', async (t) => {
  const { links } = await explained(t, false)
  assert.deepEqual([links.at(-1)?.name, links.at(-1)?.ok], ['assignment', false])
})

test('in managed mode a binding of another namespace does not count, as for NMI', async (t) => {
  const { links } = await explained(t, true, 'default')
  assert.equal(links.at(-1)?.ok, false)
  assert.equal((await explained(t, false, 'default')).links.at(-1)?.name, 'assignment')
})
