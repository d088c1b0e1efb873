/** Kubernetes Secrets that the driver makes of the files of a volume. */
import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { appPodTemplate } from '../app-pod.ts'
import { until } from '../cluster/until.ts'
import { type VaultPodOptions, vaultPod } from '../csi-driver/vault-pod.ts'
import { nextSecond, VaultScene } from '../csi-driver/vault-scene.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'

const PEM = 'application/x-pem-file'

const synced: Scenario = {
  name: 'keyvault-synced-secrets',
  proves:
    'what podid puts into a volume becomes Kubernetes Secrets: an opaque one with labels and annotations that a container has as a variable, versions by their number, and TLS Secrets whose key and certificate fit, from RSA and EC, PKCS#12 and PEM',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const { vault } = scene
    await vault.setSecret('history', 'old')
    await nextSecond(world.clock)
    await vault.setSecret('history', 'new')
    await vault.setSecret('db-password', 'correct horse')
    await vault.createCertificate('web')
    await vault.createCertificate('pem', { contentType: PEM })
    await vault.createCertificate('curve', { kty: 'EC', contentType: PEM })
    const shop = await scene.reader('shop')
    const tls = ['web', 'pem', 'curve'] as const
    await scene.class('shop', {
      objects: [
        { objectName: 'db-password', objectType: 'secret', objectAlias: 'password' },
        { objectName: 'history', objectType: 'secret', objectVersionHistory: '5' },
        ...tls.map((objectName) => ({ objectName, objectType: 'secret' as const })),
      ],
      secretObjects: [
        {
          secretName: 'opaque',
          type: 'Opaque',
          labels: { environment: 'test' },
          annotations: { 'podid.test/kept': 'yes' },
          data: [
            { objectName: 'password', key: 'DB_PASSWORD' },
            { objectName: 'history/0', key: 'newest' },
            { objectName: 'history/1', key: 'before' },
          ],
        },
        ...tls.map((each) => ({
          secretName: each,
          type: 'kubernetes.io/tls',
          data: ['tls.key', 'tls.crt'].map((key) => ({ objectName: each, key })),
        })),
      ],
    })
    const env = [{ name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'opaque', key: 'DB_PASSWORD' } } }]
    const pod = await scene.pod('shop', { selector: shop.name, volumes: [{ class: 'shop' }], env })
    const variables = JSON.parse(await pod.exec('/app', 'env', 'DB_PASSWORD')) as unknown
    assert.deepEqual(variables, { DB_PASSWORD: 'correct horse' })
    assert.deepEqual(await scene.secret('opaque'), {
      DB_PASSWORD: 'correct horse',
      newest: 'new',
      before: 'old',
    })
    const about = await place.kubectl(
      'get',
      'secret',
      'opaque',
      '-o',
      'jsonpath={.metadata.labels.environment} {.metadata.annotations.podid\\.test/kept}',
    )
    assert.equal(about, 'test yes')
    for (const each of tls) {
      await until(`the TLS Secret ${each} is there`, { deadlineMs: 60_000 }, () => scene.secret(each))
      const { 'tls.key': key = '', 'tls.crt': certificate = '' } = (await scene.secret(each)) ?? {}
      assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)), each)
    }
  },
}

const owners: Scenario = {
  name: 'keyvault-synced-secret-ends-with-its-owners',
  proves:
    'a Secret that two Deployments made of one class stays while one of them is there, and is removed with the last one; nothing stays mounted on the nodes',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('db-password', 'correct horse')
    const shop = await scene.reader('shop')
    await scene.class('shop', {
      objects: [{ objectName: 'db-password', objectType: 'secret' }],
      secretObjects: [
        { secretName: 'shared', type: 'Opaque', data: [{ objectName: 'db-password', key: 'password' }] },
      ],
    })
    const options: VaultPodOptions = { selector: shop.name, volumes: [{ class: 'shop' }] }
    for (const name of ['one', 'two']) {
      const template = appPodTemplate(vaultPod({ ...options, labels: { app: name } }))
      await place.apply({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name },
        spec: { replicas: 1, selector: { matchLabels: { app: name } }, template },
      })
    }
    for (const name of ['one', 'two']) await rolledOut(world.reads, place.namespace, `deployments/${name}`)
    const path = `/api/v1/namespaces/${place.namespace}/secrets/shared`
    const count = async (): Promise<number> => {
      const secret = await world.reads.object<{ metadata: { ownerReferences?: unknown[] } }>(path)
      return secret?.metadata.ownerReferences?.length ?? 0
    }
    await until('the Secret has two owners', { deadlineMs: 60_000 }, async () => (await count()) === 2)
    const uids = (await place.kubectl('get', 'pods', '-o', 'jsonpath={.items[*].metadata.uid}')).split(' ')
    assert.equal((await scene.mounted(uids)).length, 2)
    await place.kubectl('delete', 'deployment', 'one', '--timeout=50s')
    await until('the Secret has one owner', { deadlineMs: 60_000 }, async () => (await count()) === 1)
    assert.deepEqual(await scene.secret('shared'), { password: 'correct horse' })
    await place.kubectl('delete', 'deployment', 'two', '--timeout=50s')
    await until('the Secret is gone', { deadlineMs: 60_000 }, async () => {
      return (await scene.secret('shared')) === undefined
    })
    await until('no status of a pod is left', { deadlineMs: 60_000 }, async () => {
      return (await place.kubectl('get', 'secretproviderclasspodstatuses', '-o', 'name')) === ''
    })
    await place.kubectl('wait', '--for=delete', 'pods', '--all', '--timeout=50s')
    assert.deepEqual(await scene.mounted(uids), [])
  },
}

export const KEYVAULT_SYNC: readonly Scenario[] = [synced, owners]
