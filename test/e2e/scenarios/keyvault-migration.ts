/** From the Azure Key Vault Provider 1.8 to podid and back, as docs/keyvault.md says, with volumes mounted. */
import assert from 'node:assert/strict'
import type { AppPod } from '../app-pod.ts'
import { until } from '../cluster/until.ts'
import { installCsiDriver, KEY_VAULT_VALUES } from '../csi-driver/csi-driver.ts'
import { makeChain } from '../csi-driver/made-chain.ts'
import {
  installOldProvider,
  OLD_DAEMON_SET,
  OLD_RUNTIME,
  oldProviderImage,
  upgradeOldProvider,
} from '../csi-driver/old-provider.ts'
import { workloadAccount } from '../csi-driver/vault-logins.ts'
import type { ObjectItem, VaultPodOptions } from '../csi-driver/vault-pod.ts'
import { nextSecond, VaultScene } from '../csi-driver/vault-scene.ts'
import { CHART, RELEASE_NAMESPACE } from '../release.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

const PEM = 'application/x-pem-file'
const NODES = ['pool-0', 'pool-1', 'blue-0'] as const
const PODID_LABEL = 'app.kubernetes.io/component=keyvault-provider'

const secret = (objectName: string, more: Readonly<Record<string, string>> = {}): ObjectItem => ({
  objectName,
  objectType: 'secret',
  ...more,
})
const CERTIFICATES = ['web', 'pem', 'curve', 'chain', 'chain-pem'] as const

/** Everything that both can do; nothing of docs/differences.md. */
const OBJECTS: readonly ObjectItem[] = [
  secret('password'),
  secret('password', { objectAlias: 'aliased/password', filePermission: '0640' }),
  secret('password', { objectAlias: 'mode', filePermission: '"755"', objectEncoding: 'UTF-8' }),
  secret('password', { objectAlias: 'history', objectVersionHistory: '5' }),
  secret('password', { objectAlias: 'latest', objectVersionHistory: '5', objectVersion: 'latest' }),
  secret('unicode'),
  secret('bytes', { objectEncoding: 'base64' }),
  secret('lines', { objectEncoding: 'BASE64' }),
  secret('bytes-hex', { objectEncoding: 'hex' }),
  secret('text', { objectFormat: 'pem' }),
  ...CERTIFICATES.flatMap((objectName): ObjectItem[] => [
    secret(objectName, { objectAlias: `${objectName}.pem` }),
    secret(objectName, { objectAlias: `${objectName}/pem`, objectVersionHistory: '2' }),
    secret(objectName, { objectAlias: `${objectName}.pfx`, objectFormat: 'pfx' }),
    { objectName, objectType: 'key', objectAlias: `${objectName}.pub` },
    { objectName, objectType: 'key', objectAlias: `${objectName}/pub`, objectVersionHistory: '3' },
    { objectName, objectType: 'cert', objectAlias: `${objectName}.crt` },
    { objectName, objectType: 'cert', objectAlias: `${objectName}/crt`, objectVersionHistory: '3' },
  ]),
  secret('web', { objectAlias: 'web.bin', objectFormat: 'PFX', objectEncoding: 'base64' }),
  ...['rsa', 'ec', 'ec-hsm'].map((objectName): ObjectItem => ({ objectName, objectType: 'key' })),
]

async function fill({ vault, world }: VaultScene): Promise<void> {
  await vault.setSecret('password', 'first')
  await nextSecond(world.clock)
  await vault.setSecret('password', 'second')
  await vault.setSecret('unicode', 'grüße 漢字\n')
  await vault.setSecret('bytes', Buffer.from([0, 1, 254, 255]).toString('base64'))
  await vault.setSecret('lines', 'AAEC\nAwQF\n')
  await vault.setSecret('bytes-hex', '0001FEff')
  await vault.setSecret('text', '-----BEGIN THING-----\nx\n-----END THING-----\n', PEM)
  await vault.createCertificate('web')
  await vault.createCertificate('pem', { contentType: PEM })
  await vault.createCertificate('curve', { kty: 'EC', contentType: PEM })
  const chain = await makeChain(world.clock)
  await vault.importCertificate('chain', chain.pem, 'application/x-pkcs12')
  await vault.importCertificate('chain-pem', chain.pem, PEM)
  await vault.createKey('rsa', { kty: 'RSA-HSM' })
  await vault.createKey('ec', { kty: 'EC', crv: 'P-384' })
  await vault.createKey('ec-hsm', { kty: 'EC-HSM', crv: 'P-521' })
}

/** Path, mode and hash of each file, and id and version of each object. */
async function seenBy(scene: VaultScene, pod: AppPod, className: string): Promise<unknown> {
  const files = [...(await scene.files(pod)).values()].map(({ path, mode, sha256 }) => [path, mode, sha256])
  return { files, versions: [...(await scene.versions(pod.name, className))] }
}

/** Pods of podid's provider: how many there are, and how many are ready. */
async function podidPods({ kubectl }: World): Promise<{ running: number; ready: number }> {
  const path = 'jsonpath={range .items[*]}{.status.phase} {.status.containerStatuses[0].ready}{"\\n"}{end}'
  const lines = (
    await kubectl.ok(['-n', RELEASE_NAMESPACE, 'get', 'pods', '-l', PODID_LABEL, '-o', path])
  ).split('\n')
  return {
    running: lines.filter((line) => line.startsWith('Running')).length,
    ready: lines.filter((line) => line === 'Running true').length,
  }
}

const migration: Scenario = {
  name: 'keyvault-upgrade-from-azure-provider',
  proves:
    'the Azure Key Vault Provider 1.8.2 is swapped for podid while pods have volumes: podid waits until the old one is gone, no mount fails, files, modes and versions of the same classes are the same to the byte, and rotation goes on; and back again',
  keyVault: true,
  ownCluster: true,
  deadlineSeconds: 900,
  async run(place, world) {
    const { cluster, clock, podid } = world
    await cluster.importImage(await oldProviderImage(world))
    await installCsiDriver(world)
    await podid.install()
    await installOldProvider(world)
    const scene = new VaultScene(place, world)
    await fill(scene)
    const shop = await scene.reader('shop')
    await scene.class('bound', { objects: OBJECTS })
    await scene.class('account', { objects: OBJECTS, parameters: await workloadAccount(scene, 'shop') })
    const asRoot = { securityContext: { runAsUser: 0 } }
    const ways: Readonly<Record<string, VaultPodOptions>> = {
      bound: { selector: shop.name, volumes: [{ class: 'bound' }], spec: asRoot },
      account: {
        serviceAccount: 'shop',
        volumes: [{ class: 'account' }],
        spec: { ...asRoot, serviceAccountName: 'shop' },
      },
    }
    const start = (prefix: string): Promise<AppPod[]> =>
      Promise.all(
        Object.entries(ways).flatMap(([way, options]) =>
          NODES.map((node) => scene.startPod(`${prefix}-${way}-${node}`, { ...options, node })),
        ),
      )
    const old = await start('old')
    for (const pod of old) await scene.running(pod)
    const classOf = ({ name }: AppPod): string => (name.includes('bound') ? 'bound' : 'account')
    const [first] = old
    assert.ok(first)
    const before = await seenBy(scene, first, classOf(first))

    // docs/keyvault.md, word by word.
    const values = await podid.helm(['get', 'values', 'podid', '-o', 'yaml'])
    const flags = ['--values', '-', '--set', 'keyvaultProvider.enabled=true']
    await podid.helm(['upgrade', 'podid', CHART, ...flags], values)
    // The node agents start anew, with the socket for the provider.
    await rolledOut(world.reads, RELEASE_NAMESPACE, 'daemonsets/podid-nmi')
    await until('podid waits on every node', { deadlineMs: 180_000 }, async () => {
      const { running, ready } = await podidPods(world)
      return running === NODES.length && ready === 0
    })
    const [waiting = ''] = await podid.pods('keyvault-provider', NODES[0])
    await until('podid says for whom it waits', { deadlineMs: 30_000 }, async () =>
      (await podid.logs(waiting)).includes(OLD_RUNTIME),
    )
    const swap = upgradeOldProvider(world, ['--reuse-values', '--set', 'linux.enabled=false'])
    const during = await start('during')
    await swap
    const set = 'daemonsets/podid-keyvault-provider'
    await rolledOut(world.reads, RELEASE_NAMESPACE, set)
    for (const pod of during) await scene.running(pod)

    const fresh = await start('fresh')
    for (const pod of fresh) {
      await scene.running(pod)
      assert.deepEqual(await seenBy(scene, pod, classOf(pod)), before, pod.name)
    }
    await nextSecond(clock)
    await scene.vault.setSecret('password', 'third')
    for (const pod of [...old, ...during]) await scene.whenFile(pod, 'password', 'third')
    for (const pod of old) assert.equal(await scene.read(pod, 'history/1'), 'second', pod.name)
    for (const { name } of [...old, ...during, ...fresh])
      assert.deepEqual(await scene.failedMounts(name), [], name)

    // And back, in the other order.
    await upgradeOldProvider(world, ['--reuse-values', '--set', 'linux.enabled=true', '--wait'])
    await podid.install({ keyvaultProvider: { ...KEY_VAULT_VALUES.keyvaultProvider, enabled: false } })
    await rolledOut(world.reads, RELEASE_NAMESPACE, OLD_DAEMON_SET)
    await nextSecond(clock)
    await scene.vault.setSecret('password', 'fourth')
    for (const pod of old) await scene.whenFile(pod, 'password', 'fourth')
    const again = await scene.pod('again', { ...ways['bound'], volumes: [{ class: 'bound' }] })
    assert.equal(await scene.read(again, 'password'), 'fourth')
  },
}

export const KEYVAULT_MIGRATION: readonly Scenario[] = [migration]
