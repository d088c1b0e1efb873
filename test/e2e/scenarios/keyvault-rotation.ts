/** Values that change in the vault while pods have them. */
import assert from 'node:assert/strict'
import { createPublicKey, X509Certificate } from 'node:crypto'
import { firstContainer } from '../cluster/pod-object.ts'
import { SELDOM_MS, until } from '../cluster/until.ts'
import { servicePrincipal, workloadAccount } from '../csi-driver/vault-logins.ts'
import { nextSecond, ROTATION_MS, VaultScene } from '../csi-driver/vault-scene.ts'
import type { Scenario } from '../scenario.ts'

const rotation: Scenario = {
  name: 'keyvault-rotation',
  proves:
    'a new version of a secret, a certificate or a key stands in the files of running pods and in the synced Secret without a restart, whether the pod logs in by its binding, its service account or a service principal; numbers of versions move on, and a pinned version stays',
  keyVault: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const { vault } = scene
    const pinned = await vault.setSecret('password', 'first')
    await vault.createCertificate('web')
    await vault.createKey('signing', { kty: 'EC', crv: 'P-256' })
    const shop = await scene.reader('shop')
    const objects = [
      { objectName: 'password', objectType: 'secret' },
      { objectName: 'password', objectType: 'secret', objectAlias: 'pinned', objectVersion: pinned },
      { objectName: 'password', objectType: 'secret', objectAlias: 'history', objectVersionHistory: '2' },
      { objectName: 'web', objectType: 'cert', objectAlias: 'web.crt' },
      { objectName: 'signing', objectType: 'key' },
    ] as const
    const secretObjects = [
      { secretName: 'synced', type: 'Opaque', data: [{ objectName: 'password', key: 'password' }] },
    ]
    await scene.class('bound', { objects, secretObjects })
    await scene.class('account', { objects, parameters: await workloadAccount(scene, 'shop') })
    const principal = await servicePrincipal(scene, 'principal')
    await scene.class('principal', { objects, parameters: { usePodIdentity: 'false' } })
    const pods = await Promise.all([
      scene.pod('bound', { selector: shop.name, volumes: [{ class: 'bound' }] }),
      scene.pod('account', { serviceAccount: 'shop', volumes: [{ class: 'account' }] }),
      scene.pod('principal', { volumes: [{ class: 'principal', secretRef: principal }] }),
    ])
    const before = await Promise.all(pods.map((pod) => scene.files(pod)))
    for (const each of before) assert.equal(each.get('password')?.text, 'first')

    await nextSecond(world.clock)
    const current = await vault.setSecret('password', 'second')
    await vault.createCertificate('web')
    await vault.createKey('signing', { kty: 'EC', crv: 'P-256' })
    const times = await Promise.all(pods.map((pod) => scene.whenFile(pod, 'password', 'second')))
    world.say(
      `       a new value stood in the files after ${times.map((ms) => (ms / 1000).toFixed(0)).join(', ')} s`,
    )
    for (const [at, pod] of pods.entries()) {
      const old = before[at]
      await until(
        `everything in ${pod.name} is new`,
        { deadlineMs: ROTATION_MS, everyMs: SELDOM_MS },
        async () => {
          const now = await scene.files(pod)
          return ['web.crt', 'signing'].every((each) => now.get(each)?.sha256 !== old?.get(each)?.sha256)
        },
      )
      const now = await scene.files(pod)
      const texts = ['pinned', 'history/0', 'history/1'].map((each) => now.get(each)?.text)
      assert.deepEqual(texts, ['first', 'second', 'first'], pod.name)
      assert.equal(new X509Certificate(now.get('web.crt')?.text ?? '').subject, 'CN=web')
      assert.equal(createPublicKey(now.get('signing')?.text ?? '').asymmetricKeyType, 'ec')
      assert.equal(firstContainer(await pod.object())?.restartCount, 0)
    }
    await scene.whenSecret('synced', 'password', 'second')
    await until('the driver has noted the version', { deadlineMs: ROTATION_MS }, async () => {
      return (await scene.versions('bound', 'bound')).get('secret/password/0') === current
    })
  },
}

const changedClass: Scenario = {
  name: 'keyvault-class-changed',
  proves:
    'a class that is changed changes the volumes of running pods: new files come, and files and folders that are no more in it go',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('one', '1')
    await scene.vault.setSecret('two', '2')
    const shop = await scene.reader('shop')
    const one = { objectName: 'one', objectType: 'secret' } as const
    const two = { objectName: 'two', objectType: 'secret' } as const
    await scene.class('shop', {
      objects: [one, { ...one, objectAlias: 'deep/er/one' }, { ...one, objectAlias: 'deep/one' }],
    })
    const pod = await scene.pod('shop', { selector: shop.name, volumes: [{ class: 'shop' }] })
    assert.deepEqual([...(await scene.files(pod)).keys()], ['deep/er/one', 'deep/one', 'one'])
    await scene.class('shop', { objects: [{ ...one, objectAlias: 'deep/one' }, two] })
    await scene.whenFile(pod, 'two', '2')
    assert.deepEqual([...(await scene.files(pod)).keys()], ['deep/one', 'two'])
  },
}

export const KEYVAULT_ROTATION: readonly Scenario[] = [rotation, changedClass]
