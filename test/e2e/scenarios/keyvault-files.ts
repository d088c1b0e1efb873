/** What of a vault stands in which file of a volume. */
import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { makeChain } from '../csi-driver/made-chain.ts'
import type { ObjectItem } from '../csi-driver/vault-pod.ts'
import { VaultScene } from '../csi-driver/vault-scene.ts'
import type { Scenario } from '../scenario.ts'

const PKCS12 = 'application/x-pkcs12'
const PEM = 'application/x-pem-file'
/** May read files of root alone. */
const AS_ROOT = { securityContext: { runAsUser: 0 } }

const first: Scenario = {
  name: 'keyvault-first-secret',
  proves:
    'an application that knows nothing of Azure reads a secret as a file, with the name and mode that the class says, by the identity that its pod is bound to; a pod without the label waits and is told which label is missing',
  keyVault: true,
  smoke: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const version = await scene.vault.setSecret('db-password', 'correct horse')
    const shop = await scene.reader('shop')
    const secret = { objectName: 'db-password', objectType: 'secret' } as const
    await scene.class('shop', {
      objects: [secret, { ...secret, objectAlias: 'db/password', filePermission: '0755' }],
    })
    const pod = await scene.pod('shop', { selector: shop.name, volumes: [{ class: 'shop' }] })
    const found = [...(await scene.files(pod)).values()].map(({ path, mode, text }) => [path, mode, text])
    assert.deepEqual(found, [
      ['db-password', '0644', 'correct horse'],
      ['db/password', '0755', 'correct horse'],
    ])
    assert.deepEqual([...(await scene.versions('shop', 'shop'))], [['secret/db-password', version]])
    await scene.startPod('stranger', { volumes: [{ class: 'shop' }] })
    const told = await scene.failedMount('stranger', /aadpodidbinding/)
    world.say(`       a pod without the label is told: ${told}`)
  },
}

const kinds: Scenario = {
  name: 'keyvault-objects-of-every-kind',
  proves:
    'secrets as text, base64 and hex, keys in RSA and EC, software and HSM, and certificates kept as PKCS#12 and PEM stand in the volume as the certificate, the public key, the private key with the chain, or the PFX itself, and all of them fit each other',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const { vault } = scene
    const bytes = Buffer.from([0, 1, 2, 253, 254, 255])
    await Promise.all([
      vault.setSecret('base64', bytes.toString('base64')),
      vault.setSecret('hex', bytes.toString('hex')),
      vault.createCertificate('web'),
      vault.createCertificate('pem', { contentType: PEM }),
      vault.createCertificate('curve', { kty: 'EC', contentType: PEM }),
      vault.createKey('rsa', { kty: 'RSA' }),
      vault.createKey('ec', { kty: 'EC', crv: 'P-384' }),
      vault.createKey('rsa-hsm', { kty: 'RSA-HSM' }),
      vault.createKey('ec-hsm', { kty: 'EC-HSM', crv: 'P-521' }),
    ])
    const chain = await makeChain(world.clock)
    await vault.importCertificate('chained', chain.pem, PKCS12)
    const shop = await scene.reader('shop')
    const certificates = ['web', 'pem', 'curve'] as const
    const objects: ObjectItem[] = [
      { objectName: 'base64', objectType: 'secret', objectEncoding: 'base64' },
      { objectName: 'hex', objectType: 'secret', objectEncoding: 'hex' },
      ...certificates.flatMap((objectName): ObjectItem[] => [
        { objectName, objectType: 'cert', objectAlias: `${objectName}/cert` },
        { objectName, objectType: 'key', objectAlias: `${objectName}/key` },
        { objectName, objectType: 'secret', objectAlias: `${objectName}/secret`, filePermission: '0600' },
      ]),
      ...['rsa', 'ec', 'rsa-hsm', 'ec-hsm'].map(
        (objectName): ObjectItem => ({ objectName, objectType: 'key' }),
      ),
      { objectName: 'web', objectType: 'secret', objectAlias: 'web/pfx', objectFormat: 'pfx' },
      {
        objectName: 'web',
        objectType: 'secret',
        objectAlias: 'web/pfx-bytes',
        objectFormat: 'PFX',
        objectEncoding: 'base64',
      },
      { objectName: 'chained', objectType: 'secret' },
    ]
    await scene.class('all', { objects })
    const pod = await scene.pod('shop', { selector: shop.name, volumes: [{ class: 'all' }], spec: AS_ROOT })
    const files = await scene.files(pod)
    const text = (path: string): string => files.get(path)?.text ?? assert.fail(`no text in ${path}`)
    assert.equal(files.size, objects.length)
    for (const each of ['base64', 'hex']) assert.equal(files.get(each)?.size, bytes.length, each)
    assert.equal(files.get('hex')?.sha256, files.get('base64')?.sha256)
    for (const each of certificates) {
      const certificate = new X509Certificate(text(`${each}/cert`))
      const key = createPrivateKey(text(`${each}/secret`))
      assert.ok(certificate.checkPrivateKey(key), `${each}: the private key is not that of the certificate`)
      assert.equal(text(`${each}/key`), String(createPublicKey(key).export({ type: 'spki', format: 'pem' })))
      assert.equal(files.get(`${each}/secret`)?.mode, '0600')
    }
    const { value } = await vault.read('secrets', 'web')
    assert.equal(text('web/pfx'), value)
    assert.equal(files.get('web/pfx-bytes')?.size, Buffer.from(String(value), 'base64').length)
    const types = ['rsa', 'ec', 'rsa-hsm', 'ec-hsm'].map(
      (each) => createPublicKey(text(each)).asymmetricKeyType,
    )
    assert.deepEqual(types, ['rsa', 'ec', 'rsa', 'ec'])
    const subjects = [
      ...text('chained').matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g),
    ].map(([block]) => new X509Certificate(block).subject)
    assert.deepEqual(subjects, chain.subjects)
    assert.ok(text('chained').startsWith('-----BEGIN PRIVATE KEY-----'))
  },
}

const volumes: Scenario = {
  name: 'keyvault-classes-and-attributes',
  proves:
    'a pod may have several classes, attributes of a volume override parameters of its class, an object that is marked optional may be missing, and a class of another namespace is not found',
  keyVault: true,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const other = scene.another('other')
    await scene.vault.setSecret('name', 'the vault of the class')
    await other.setSecret('name', 'the vault of the volume')
    await other.setSecret('second', 'two')
    const shop = await scene.reader('shop')
    other.allow(shop.clientId)
    await scene.class('one', {
      objects: [
        { objectName: 'name', objectType: 'secret' },
        { objectName: 'absent', objectType: 'secret', optional: 'true' },
      ],
    })
    await scene.class('two', {
      objects: [{ objectName: 'second', objectType: 'secret' }],
      parameters: { keyvaultName: other.name },
    })
    const pod = await scene.pod('shop', {
      selector: shop.name,
      volumes: [
        { class: 'one', path: '/one' },
        { class: 'two', path: '/two' },
        { class: 'one', path: '/three', attributes: { keyvaultName: other.name } },
      ],
    })
    const contents = await Promise.all(
      ['/one', '/two', '/three'].map(async (folder) =>
        [...(await scene.files(pod, folder)).values()].map(({ path, text }) => [path, text]),
      ),
    )
    assert.deepEqual(contents, [
      [['name', 'the vault of the class']],
      [['second', 'two']],
      [['name', 'the vault of the volume']],
    ])
    await scene.startPod('elsewhere', { selector: shop.name, volumes: [{ class: 'three' }] })
    await scene.failedMount('elsewhere', /failed to get secretproviderclass [^ ]+\/three/)
    // The optional object is made: it appears.
    await scene.vault.setSecret('absent', 'not any more')
    const ms = await scene.whenFile(pod, 'absent', 'not any more', '/one')
    world.say(`       an optional object that was made stood in the volume after ${(ms / 1000).toFixed(0)} s`)
  },
}

export const KEYVAULT_FILES: readonly Scenario[] = [first, kinds, volumes]
