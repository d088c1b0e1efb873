/** Vaults, providers and drivers that are not there for a while. */
import assert from 'node:assert/strict'
import { appPodTemplate } from '../app-pod.ts'
import { until } from '../cluster/until.ts'
import { DRIVER_LABEL, DRIVER_NAMESPACE } from '../csi-driver/csi-driver.ts'
import { vaultPod } from '../csi-driver/vault-pod.ts'
import { nextSecond, VaultScene } from '../csi-driver/vault-scene.ts'
import { containerOf, killContainer } from '../node-side.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import { rolledOut } from '../rollout.ts'
import type { Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

const SECRET = { objectName: 'db-password', objectType: 'secret' } as const
const NODE = 'pool-0'

const vaultDown: Scenario = {
  name: 'keyvault-vault-down',
  proves:
    'while the vault does not answer, running pods keep their files and a new pod says which vault is down; a new pod of the same identity whose class sets lastKnownGoodMaxAge starts with the last known value; afterwards the waiting pod starts by itself',
  keyVault: true,
  deadlineSeconds: 400,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    const secret = scene.unique('password')
    await scene.vault.setSecret(secret, 'correct horse')
    const shop = await scene.reader('shop')
    const objects = [{ ...SECRET, objectName: secret, objectAlias: 'db-password' }]
    await scene.class('strict', { objects })
    await scene.class('lenient', { objects, parameters: { lastKnownGoodMaxAge: '1h' } })
    const options = { selector: shop.name, node: NODE }
    const running = await scene.pod('running', { ...options, volumes: [{ class: 'lenient' }] })
    const up = scene.secretDown(secret)
    const waiting = await scene.startPod('waiting', { ...options, volumes: [{ class: 'strict' }] })
    try {
      const told = await scene.failedMount('waiting', new RegExp(`vault ${scene.vault.name}`))
      world.say(`       while the vault is down: ${told}`)
      const lenient = await scene.pod('lenient', { ...options, volumes: [{ class: 'lenient' }] })
      assert.equal(await scene.read(lenient, 'db-password'), 'correct horse')
      assert.equal(await scene.read(running, 'db-password'), 'correct horse')
    } finally {
      up()
    }
    await scene.running(waiting)
    await nextSecond(world.clock)
    await scene.vault.setSecret(secret, 'battery staple')
    for (const pod of [running, waiting]) await scene.whenFile(pod, 'db-password', 'battery staple')
  },
}

const HUNDRED = 100
/** podid's `--poll-max-age`. */
const POLL_SECONDS = 25

const hundred: Scenario = {
  name: 'keyvault-hundred-pods',
  proves:
    'a hundred pods that start at once all find the right files, and the vault is asked at most once for each, though the driver asks again every few seconds',
  keyVault: true,
  alone: true,
  deadlineSeconds: 600,
  async run(place, world) {
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('db-password', 'correct horse')
    const shop = await scene.reader('shop')
    await scene.class('shop', { objects: [SECRET] })
    const labels = { app: 'hundred' }
    const template = appPodTemplate(
      vaultPod({
        selector: shop.name,
        labels,
        volumes: [{ class: 'shop' }],
        command: ['files', '-stay', '/vault'],
      }),
    )
    const started = world.clock.monotonic()
    await place.apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'hundred' },
      spec: {
        replicas: HUNDRED,
        progressDeadlineSeconds: 500,
        selector: { matchLabels: labels },
        template,
      },
    })
    await until('all hundred run', { deadlineMs: 500_000 }, async () => {
      const path = `/apis/apps/v1/namespaces/${place.namespace}/deployments/hundred`
      const deployment = await world.reads.object<{ status: { readyReplicas?: number } }>(path)
      return deployment?.status.readyReplicas === HUNDRED
    })
    const seconds = (world.clock.monotonic() - started) / 1000
    const logs = await place.kubectl('logs', '-l', 'app=hundred', '--tail=-1')
    const seen = logs
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { files: { text?: string }[] }).files.map(({ text }) => text))
    assert.equal(seen.length, HUNDRED)
    assert.deepEqual([...new Set(seen.flat())], ['correct horse'])
    const host = `${scene.vault.name}.vault.azure.net`
    const asked = world.azure.journal.requests.filter(
      (each) => each.host.startsWith(host) && each.method === 'GET' && each.status === 200,
    )
    world.say(`       ${HUNDRED} pods in ${seconds.toFixed(0)} s with ${asked.length} reads of the vault`)
    // What pods have already is looked at again by one of a node for all.
    const repeats = world.cluster.nodes.length * Math.ceil(seconds / POLL_SECONDS)
    assert.ok(asked.length <= HUNDRED + repeats, `${asked.length} reads`)
    // Unmounting a hundred volumes takes kubelets longer than a namespace is given.
    await place.kubectl('delete', 'deployment', 'hundred')
    await until('the hundred are gone', { deadlineMs: 180_000 }, async () => {
      return (await place.pods('app=hundred')).length === 0
    })
  },
}

/** Containers of podid's provider and of the driver with how often each was started again. */
async function restarts({ kubectl }: World): Promise<string[]> {
  const path =
    'jsonpath={range .items[*]}{range .status.containerStatuses[*]}{.name} {.restartCount}{"\\n"}{end}{end}'
  const texts = await Promise.all([
    kubectl.ok([
      '-n',
      RELEASE_NAMESPACE,
      'get',
      'pods',
      '-l',
      'app.kubernetes.io/component=keyvault-provider',
      '-o',
      path,
    ]),
    kubectl.ok(['-n', DRIVER_NAMESPACE, 'get', 'pods', '-l', DRIVER_LABEL, '-o', path]),
  ])
  return texts.flatMap((each) => each.split('\n')).filter((line) => line !== '')
}

const unrestarted: Scenario = {
  name: 'keyvault-nothing-restarted',
  proves:
    'after all these scenarios neither podid’s provider nor any container of the driver has been started again on any node',
  keyVault: true,
  alone: true,
  async run(_place, world) {
    const found = await restarts(world)
    assert.ok(found.length >= world.cluster.nodes.length * 2, found.join())
    assert.deepEqual(
      found.filter((line) => !line.endsWith(' 0')),
      [],
    )
  },
}

const BATCH = 12

const killed: Scenario = {
  name: 'keyvault-provider-and-driver-killed',
  proves:
    'the provider is killed with SIGKILL while pods are mounting, and the driver is replaced: every pod starts with whole files, mounted volumes stay readable, and rotation goes on',
  keyVault: true,
  alone: true,
  deadlineSeconds: 500,
  async run(place, world) {
    const { cluster, kubectl, podid, reads } = world
    const scene = new VaultScene(place, world)
    await scene.vault.setSecret('db-password', 'correct horse')
    await scene.vault.setSecret('second', 'two')
    const shop = await scene.reader('shop')
    await scene.class('shop', { objects: [SECRET, { ...SECRET, objectName: 'second' }] })
    const options = { selector: shop.name, node: NODE, volumes: [{ class: 'shop' }] }
    const early = await scene.pod('early', options)
    const provider = async (): Promise<string> => {
      const [pod = ''] = await podid.pods('keyvault-provider', NODE)
      return containerOf(reads, RELEASE_NAMESPACE, pod)
    }
    const batch = await Promise.all(
      Array.from({ length: BATCH }, (_, at) => scene.startPod(`batch-${at}`, options)),
    )
    // The first container is dead at once; the next one dies as soon as it serves.
    const first = await provider()
    await killContainer(cluster.node(NODE), first)
    const next = await until('another container of the provider runs', { deadlineMs: 60_000 }, async () => {
      const now = await provider()
      return now !== first && now !== '' ? now : undefined
    })
    assert.equal(await scene.read(early, 'db-password'), 'correct horse')
    await killContainer(cluster.node(NODE), next)
    for (const pod of batch) {
      await scene.running(pod)
      assert.deepEqual([...(await scene.files(pod)).keys()], ['db-password', 'second'], pod.name)
    }
    await podid.ready('keyvault-provider')
    const set = 'daemonsets/csi-driver-secrets-store-csi-driver'
    await kubectl.ok(['-n', DRIVER_NAMESPACE, 'rollout', 'restart', set])
    const during = await scene.startPod('during', options)
    await rolledOut(reads, DRIVER_NAMESPACE, set)
    await scene.running(during)
    assert.equal(await scene.read(early, 'db-password'), 'correct horse')
    await nextSecond(world.clock)
    await scene.vault.setSecret('db-password', 'battery staple')
    for (const pod of [early, during]) await scene.whenFile(pod, 'db-password', 'battery staple')
  },
}

export const KEYVAULT_OUTAGES: readonly Scenario[] = [vaultDown, hundred, unrestarted, killed]
