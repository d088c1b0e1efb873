import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { mountMessage } from '../../../test/make/mount-messages.ts'
import { cloudByName } from '../../azure/clouds.ts'
import { MountFailure, mountFailureText } from '../mount-failure.ts'
import type { MountOrder } from '../mount-order.ts'
import type { MountMessage } from './mount-request.ts'
import { readOrder } from './read-order.ts'

function read(message: MountMessage, vmManagedIdentity = true): Promise<MountOrder> {
  const defaultCloud = cloudByName('')
  assert.ok(defaultCloud)
  const clouds = { defaultCloud, environmentFolder: '', clock: new FakeClock(), vmManagedIdentity }
  return readOrder(message, clouds, new AbortController().signal)
}

test('the identities of the node are for classes only where the operator says so', async () => {
  const message = mountMessage({ usePodIdentity: undefined, useVMManagedIdentity: 'true' })
  assert.equal((await read(message)).login.kind, 'vm-identity')
  await assert.rejects(read(message, false), (thrown) => {
    assert.ok(thrown instanceof MountFailure)
    assert.equal(thrown.code, 'parameter-invalid')
    assert.match(thrown.message, /^useVMManagedIdentity is off here,.*--vm-managed-identity/)
    return true
  })
})

test('the strings of the driver become an order', async () => {
  const order = await read(mountMessage({ keyvaultName: 'Shop-Vault', lastKnownGoodMaxAge: '10m' }))
  assert.deepEqual(order, {
    pod: {
      namespace: 'shop',
      name: 'web-0',
      serviceAccount: 'web',
    },
    vault: { name: 'Shop-Vault', origin: 'https://shop-vault.vault.azure.net' },
    login: {
      kind: 'pod-identity',
      resource: 'https://vault.azure.net',
      pod: { namespace: 'shop', name: 'web-0' },
    },
    objects: [
      {
        type: 'secret',
        name: 'db',
        path: 'db',
        version: '',
        history: 1,
        format: 'pem',
        encoding: 'utf-8',
        mode: 0o644,
        optional: false,
      },
    ],
    lastKnownGoodMs: 600_000,
    targetPath: '/var/lib/kubelet/pods/0b5a5a6c/volumes/kubernetes.io~csi/secrets/mount',
  })
})

test('of several mistakes the old provider’s first is told', async () => {
  // Each step mends the first mistake that is left.
  const steps: readonly [Readonly<Record<string, string | undefined>>, RegExp][] = [
    [{ 'csi.storage.k8s.io/pod.name': '' }, /^pod name is not provided/],
    [{ 'csi.storage.k8s.io/pod.name': 'a', usePodIdentity: 'x' }, /^failed to parse usePodIdentity flag/],
    [{ usePodIdentity: 'true', useVMManagedIdentity: 'true' }, /^only one identity mode/],
    [
      { useVMManagedIdentity: 'false', useAzureTokenProxy: 'true', usePodIdentity: '' },
      /^keyvaultName is not/,
    ],
    [{ keyvaultName: 'a' }, /^tenantId is not provided/],
    [{ tenantID: 't' }, /^cloudName x is not valid/],
    [{ cloudName: '' }, /^failed to build auth config for mode AzureTokenProxy/],
    [{ useAzureTokenProxy: '', usePodIdentity: '1' }, /^objects is not set/],
    [{ objects: 'array: [' }, /^failed to yaml unmarshal objects/],
    [{ objects: 'array: [{objectName: "a/b", objectType: key}]' }, /^failed to get objectType:key/],
    [{ objects: 'array: [{objectName: a, objectType: key}]' }, /^failed to get vault: Invalid vault name/],
  ]
  let parameters: Readonly<Record<string, string | undefined>> = {
    keyvaultName: '',
    tenantID: '',
    cloudName: 'x',
    objects: '',
  }
  for (const [mended, text] of steps) {
    parameters = { ...parameters, ...mended }
    await assert.rejects(read(mountMessage(parameters)), (thrown) => {
      assert.ok(thrown instanceof MountFailure, String(thrown))
      assert.match(mountFailureText(thrown), text)
      return true
    })
  }
  assert.equal((await read(mountMessage({ ...parameters, keyvaultName: 'abc' }))).objects.length, 1)
})
