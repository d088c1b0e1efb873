import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readManifests } from '../manifests.ts'
import { packageFolder } from '../package-folder.ts'
import { readVolumeClass, volumeOrder } from './volume-class.ts'

const EXAMPLE = join(packageFolder(), 'examples', 'keyvault-volume')

test('the example becomes what the driver hands to a provider', async () => {
  const volumeClass = await readVolumeClass(join(EXAMPLE, 'class.yaml'))
  const [pod] = await readManifests(join(EXAMPLE, 'pod.yaml'))
  assert.ok(pod !== undefined)
  const created = { ...pod, metadata: { ...pod.metadata, uid: 'u-1' } }
  const { attributes, path } = volumeOrder(created, volumeClass)
  assert.equal(path, 'pods/u-1/volumes/kubernetes.io~csi/vault/mount')
  const { objects, ...others } = attributes
  assert.match(objects ?? '', /objectName: storefront/)
  assert.deepEqual(others, {
    usePodIdentity: 'true',
    keyvaultName: 'shop',
    tenantID: '99999999-8888-4777-8666-555555555555',
    secretProviderClass: 'shop',
    'csi.storage.k8s.io/pod.name': 'shop',
    'csi.storage.k8s.io/pod.namespace': 'default',
    'csi.storage.k8s.io/pod.uid': 'u-1',
    'csi.storage.k8s.io/serviceAccount.name': 'default',
    'csi.storage.k8s.io/ephemeral': 'true',
  })
})

test('an attribute of the volume overrides a parameter of the class, and a pod without the volume is told', () => {
  const pod = (volumeAttributes: Record<string, string>) => ({
    metadata: { name: 'shop', namespace: 'default', uid: 'u-1' },
    spec: { volumes: [{ name: 'v', csi: { driver: 'secrets-store.csi.k8s.io', volumeAttributes } }] },
  })
  const volumeClass = { name: 'shop', parameters: { keyvaultName: 'shop' } }
  const { attributes } = volumeOrder(pod({ secretProviderClass: 'shop', keyvaultName: 'other' }), volumeClass)
  assert.equal(attributes['keyvaultName'], 'other')
  assert.throws(
    () => volumeOrder(pod({ secretProviderClass: 'till' }), volumeClass),
    /no volume of class shop/,
  )
})
