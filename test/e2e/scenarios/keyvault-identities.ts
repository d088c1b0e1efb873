/** By whose identity a volume is filled. */
import assert from 'node:assert/strict'
import { until } from '../cluster/until.ts'
import { KEY_VAULT_VALUES } from '../csi-driver/csi-driver.ts'
import { servicePrincipal, workloadAccount } from '../csi-driver/vault-logins.ts'
import { nextSecond, RETRY_MS, VaultScene } from '../csi-driver/vault-scene.ts'
import type { Scenario } from '../scenario.ts'

const SECRET = { objectName: 'db-password', objectType: 'secret' } as const
const NODE = 'pool-0'

const logins: Scenario = {
  name: 'keyvault-ways-to-log-in',
  proves:
    'a pod logs in by its binding, by its service account or by a service principal, also all three in one pod; another service account is refused with the subject that Entra saw',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('db-password', 'correct horse')
    const shop = await scene.reader('shop')
    const account = await workloadAccount(scene, 'account')
    const principal = await servicePrincipal(scene, 'principal')
    await scene.class('bound', { objects: [SECRET] })
    await scene.class('account', { objects: [SECRET], parameters: account })
    await scene.class('principal', { objects: [SECRET], parameters: { usePodIdentity: 'false' } })
    const pod = await scene.pod('shop', {
      selector: shop.name,
      serviceAccount: 'account',
      volumes: [
        { class: 'bound', path: '/bound' },
        { class: 'account', path: '/account' },
        { class: 'principal', path: '/principal', secretRef: principal },
      ],
    })
    for (const folder of ['/bound', '/account', '/principal'])
      assert.equal(await scene.read(pod, 'db-password', folder), 'correct horse', folder)
    await scene.startPod('stranger', { volumes: [{ class: 'account' }] })
    const told = await scene.failedMount('stranger', /AADSTS700213/)
    assert.match(told, new RegExp(`system:serviceaccount:${place.namespace}:default`))
    world.say(`       another service account is told: ${told}`)
  },
}

const late: Scenario = {
  name: 'keyvault-identity-comes-later',
  proves:
    'a pod that starts before its binding exists says so in its event; once the binding is there and Azure has put the identity on the node, the volume is filled without anybody touching the pod',
  keyVault: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('db-password', 'correct horse')
    const shop = place.identity('shop')
    scene.vault.allow(shop.clientId)
    await scene.class('shop', { objects: [SECRET] })
    const pod = await scene.startPod('shop', { selector: shop.name, volumes: [{ class: 'shop' }] })
    const told = await scene.failedMount('shop', /AzureIdentityBinding|binding/i, RETRY_MS)
    world.say(`       before the binding exists: ${told}`)
    await place.bind(shop)
    await scene.running(pod)
    assert.equal(await scene.read(pod, 'db-password'), 'correct horse')
  },
}

const apart: Scenario = {
  name: 'keyvault-identities-kept-apart',
  proves:
    'what podid has read for one identity is never given to another: on the same node, with the same class, while the vault is down too, a pod whose identity may not read gets no file; and a pod that is relabelled to another identity gets only what that one may read',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const secret = scene.unique('password')
    await scene.vault.setSecret(secret, 'correct horse')
    const shop = await scene.reader('shop')
    const thief = place.identity('thief')
    await place.bind(thief)
    await scene.class('shop', {
      objects: [{ ...SECRET, objectName: secret, objectAlias: 'db-password' }],
      parameters: { lastKnownGoodMaxAge: '1h' },
    })
    const volumes = [{ class: 'shop' }]
    const pod = await scene.pod('shop', { selector: shop.name, node: NODE, volumes })
    assert.equal(await scene.read(pod, 'db-password'), 'correct horse')
    await scene.startPod('thief', { selector: thief.name, node: NODE, volumes })
    await scene.failedMount('thief', /az keyvault set-policy/)
    const up = scene.secretDown(secret)
    try {
      await scene.startPod('late-thief', { selector: thief.name, node: NODE, volumes })
      await scene.failedMount('late-thief', new RegExp(scene.vault.name))
    } finally {
      up()
    }
    // The class is the same: only the pod's label says who reads.
    await place.kubectl('label', 'pod', 'shop', `aadpodidbinding=${thief.name}`, '--overwrite')
    await place.whenAssigned('shop', [thief])
    await nextSecond(world.clock)
    await scene.vault.setSecret(secret, 'battery staple')
    const other = await scene.pod('other', { selector: shop.name, node: NODE, volumes })
    assert.equal(await scene.read(other, 'db-password'), 'battery staple')
    const [provider = ''] = await world.podid.pods('keyvault-provider', NODE)
    await until('the relabelled pod was refused', { deadlineMs: 60_000 }, async () => {
      const lines = (await world.podid.logs(provider)).split('\n')
      const mine = new RegExp(`${place.namespace}/shop["\\s]`)
      return lines.some((line) => mine.test(line) && line.includes('vault-forbidden'))
    })
    assert.equal(
      await scene.read(pod, 'db-password'),
      'correct horse',
      'the old file stays, the new value never comes',
    )
    for (const name of ['thief', 'late-thief']) {
      const phase = await place.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.phase}')
      assert.equal(phase, 'Pending', name)
    }
  },
}

const node: Scenario = {
  name: 'keyvault-identity-of-the-node',
  proves:
    'a provider on the network of the node reads with the node’s user-assigned identity, and where a machine has one with its system-assigned identity; with files for certificate and key apart, as its settings say',
  keyVault: true,
  alone: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const { azure, podid } = world
    const scene = new VaultScene(place, world)
    await scene.vault.createCertificate('web')
    const machine = place.identity('machine')
    scene.vault.allow(machine.clientId)
    const pool = world.compute('pool').id
    azure.control.assign(pool, machine.id)
    scene.vault.allow(world.compute('blue').system.principalId)
    const objects = [{ objectName: 'web', objectType: 'secret' }] as const
    const parameters = { useVMManagedIdentity: 'true' }
    await scene.class('user', {
      objects,
      parameters: { ...parameters, userAssignedIdentityID: machine.clientId },
    })
    await scene.class('system', { objects, parameters })
    const values = {
      ...KEY_VAULT_VALUES.keyvaultProvider,
      hostNetwork: true,
      vmManagedIdentity: true,
      writeCertAndKeyInSeparateFiles: true,
    }
    await podid.install({ keyvaultProvider: values })
    try {
      const user = await scene.pod('user', { node: NODE, volumes: [{ class: 'user' }] })
      const system = await scene.pod('system', { node: 'blue-0', volumes: [{ class: 'system' }] })
      for (const pod of [user, system]) {
        const files = await scene.files(pod)
        assert.deepEqual([...files.keys()], ['web', 'web.crt', 'web.key'])
        const [both, crt, key] = [...files.values()].map(({ text }) => text ?? '')
        assert.equal(both, `${key ?? ''}${crt ?? ''}`)
      }
      const before = (await scene.files(user)).get('web.key')?.sha256
      await nextSecond(world.clock)
      await scene.vault.createCertificate('web')
      await until('the key is new', { deadlineMs: 60_000 }, async () => {
        return (await scene.files(user)).get('web.key')?.sha256 !== before
      })
    } finally {
      azure.control.unassign(pool, machine.id)
      await podid.install(KEY_VAULT_VALUES)
    }
  },
}

export const KEYVAULT_IDENTITIES: readonly Scenario[] = [logins, late, apart]
/** It installs the provider anew: after those that look at what has been running all the time. */
export const KEYVAULT_NODE_IDENTITY: readonly Scenario[] = [node]
