import { join } from 'node:path'
import { withDeadline } from '../../../base/deadline.ts'
import type { Owner } from '../../../base/lifecycle.ts'
import { READ_VAULT, SECRET_NAME, SHOP_IDENTITY, TILL_IDENTITY, VAULT } from '../azure-seed.ts'
import { providerSocket } from '../components.ts'
import { applyManifest, pathOf } from '../manifests.ts'
import { must } from '../must.ts'
import { packageFolder } from '../package-folder.ts'
import type { Report } from '../report.ts'
import type { DemoWorld } from '../world.ts'
import { checkCertificate, checkKey, checkSecret, describeFile } from './file-checks.ts'
import type { LogWatch } from './log-watch.ts'
import { identityManifests, podManifests } from './pods.ts'
import { FILES, fillVault, type VaultContents } from './vault-contents.ts'
import { readVolumeClass } from './volume-class.ts'
import { createVolumes, type MountTry, type SeenFile, type Volumes } from './volumes.ts'

/** Longest time for any one step of the story. */
const STEP_MS = 45_000

export interface VaultStoryOptions {
  readonly world: DemoWorld
  readonly report: Report
  readonly logs: LogWatch
  readonly owner: Owner
  readonly stop: AbortSignal
}

interface Telling {
  readonly world: DemoWorld
  readonly report: Report
  readonly volumes: Volumes
  /** A step with its deadline. */
  readonly step: (what: string, work: (signal: AbortSignal) => Promise<string>) => Promise<void>
}

/**
 * Secrets as files: every step really happens and is checked; the first that does not ends the story with its error.
 * @returns the volumes, for those who go on with them
 */
export async function tellVaultStory({
  world,
  report,
  logs,
  owner,
  stop,
}: VaultStoryOptions): Promise<Volumes> {
  const { clock } = world
  const example = join(packageFolder(), 'examples', 'keyvault-volume')
  const volumeClass = await readVolumeClass(join(example, 'class.yaml'))
  const volumes = createVolumes({ world, volumeClass, socket: providerSocket(world) })
  owner.own(() => volumes.close())
  const step = (what: string, work: (signal: AbortSignal) => Promise<string>): Promise<void> =>
    report.step(what, () => withDeadline({ clock, ms: STEP_MS, what, parent: stop }, work))
  const telling: Telling = { world, report, volumes, step }
  const contents = await deploy(telling, join(example, 'pod.yaml'), logs)
  await firstMounts(telling)
  await files(telling, contents)
  await strangers(telling)
  await rotation(telling, contents)
  await lostAccess(telling, contents)
  await lostBinding(telling)
  await step('no token, secret or private key is in the logs of the components', async () => {
    must(logs.lines > 0, 'no line was heard')
    must(logs.finds.length === 0, logs.finds.join(', '))
    return `${logs.lines} lines searched`
  })
  return volumes
}

async function deploy(
  { world, report, step }: Telling,
  podFile: string,
  logs: LogWatch,
): Promise<VaultContents> {
  const { rest, kubelet } = world
  report.chapter('An operator binds an identity; a team deploys an application that knows nothing of Azure')
  let contents: VaultContents | undefined
  await step(`vault ${VAULT} is filled by its owner`, async () => {
    contents = await fillVault(world, logs)
    return 'a secret, a certificate with its chain (PKCS#12), a key'
  })
  const apply = (
    file: string,
    manifests: (signal: AbortSignal) => ReturnType<typeof podManifests>,
  ): Promise<void> =>
    step(`${file} is applied`, async (signal) => {
      const objects = await manifests(signal)
      for (const object of objects) await applyManifest(rest, object, signal)
      return objects.map((object) => `${object.kind} ${object.metadata.name}`).join(', ')
    })
  await apply('examples/quickstart/identity.yaml, and the like for another application,', () =>
    identityManifests(world.examples),
  )
  await apply('examples/keyvault-volume/pod.yaml, and the like,', () => podManifests(podFile))
  await step(
    'pod shop is on the node',
    async (signal) => `at ${(await kubelet.running('default/shop', signal)).ip}`,
  )
  if (contents === undefined) throw new Error('the vault was not filled')
  return contents
}

async function firstMounts({ world, report, volumes, step }: Telling): Promise<void> {
  report.chapter('The CSI driver asks for the volume of examples/keyvault-volume/class.yaml')
  if (!world.managed) {
    let told = ''
    await step('the first try is refused while MIC assigns the identity', async (signal) => {
      const reason = /is bound to pod default\/shop and not assigned to its node/
      told = await refusal(volumes, { pod: 'shop', reason }, signal)
      return ''
    })
    report.detail(told)
  }
  await step('the volume is mounted', async (signal) => {
    const { refusals, volume } = await volumes.untilMounted('shop', signal)
    const { size } = new Set(Object.values(FILES))
    must(volume.files.length === size, `it has the files ${volume.files.join(', ')}`)
    if (world.managed) must(refusals.length === 0, `refused before: ${refusals.join('; ')}`)
    return refusals.length === 0 ? 'at once' : `kubelet was refused ${refusals.length} more times before`
  })
}

async function files({ volumes, step }: Telling, { password, chain, key }: VaultContents): Promise<void> {
  const look = (path: string, check: (file: SeenFile) => string): Promise<void> =>
    step(`/vault/${path}`, async (signal) => check(await fileOf(volumes, path, signal)))
  await look(FILES.secret, (file) => {
    must(file.mode === '0400', `its mode is ${file.mode}`)
    return checkSecret(file, password)
  })
  await look(FILES.certificate, (file) => checkCertificate(file, chain))
  await look(FILES.key, (file) => checkKey(file, key))
}

async function strangers({ world, report, volumes, step }: Telling): Promise<void> {
  report.chapter('Pods with the same volume that may not have it')
  let told = ''
  await step('shop-misspelt, whose label has a typing error, is refused', async (signal) => {
    await world.kubelet.running('default/shop-misspelt', signal)
    told = await refusal(volumes, { pod: 'shop-misspelt', reason: /Did you mean shop\?/ }, signal)
    return ''
  })
  report.detail(told)
  await step('till, which has an identity of its own, is refused by the vault', async (signal) => {
    await world.kubelet.running('default/till', signal)
    const reason = /vault shop does not let the identity of pod default\/till/
    told = await refusal(volumes, { pod: 'till', reason }, signal)
    must(told.includes(principalOf(world, TILL_IDENTITY)), 'the identity is missing')
    return ''
  })
  report.detail(told)
  await step('neither has a file', async (signal) => {
    for (const pod of ['shop-misspelt', 'till']) {
      for (const path of Object.values(FILES)) {
        must((await volumes.file(pod, path, signal)) === undefined, `${pod} has ${path}`)
      }
    }
    return ''
  })
}

async function rotation({ world, report, volumes, step }: Telling, contents: VaultContents): Promise<void> {
  report.chapter('The secret is changed in the vault')
  const id = `secret/${SECRET_NAME}`
  let before: string | undefined
  await step('shop-2, another pod of the application, has the same files', async (signal) => {
    await world.kubelet.running('default/shop-2', signal)
    const { volume } = await volumes.untilMounted('shop-2', signal)
    before = volume.objects.get(id)
    return checkSecret(await fileOf(volumes, FILES.secret, signal, 'shop-2'), contents.password)
  })
  await step('the owner sets a new value', async () => {
    const version = world.azure.control.setVaultSecret(VAULT, SECRET_NAME, contents.nextPassword)
    return `version ${version.slice(0, 8)}...`
  })
  await step('the next looks swap the file in both volumes, and no other', async (signal) => {
    const asked = vaultReads(world)
    const untouched = await fileOf(volumes, FILES.certificate, signal)
    const isNew = ({ volume }: MountTry): boolean => volume !== undefined && volume.objects.get(id) !== before
    // Together, as kubelet looks after the pods of a node: they share what the vault answers.
    const tries = await Promise.all(['shop', 'shop-2'].map((pod) => volumes.lookUntil(pod, isNew, signal)))
    for (const pod of ['shop', 'shop-2']) {
      checkSecret(await fileOf(volumes, FILES.secret, signal, pod), contents.nextPassword)
    }
    const after = await fileOf(volumes, FILES.certificate, signal)
    must(after.contents.equals(untouched.contents), 'another file changed, too')
    const version = tries[0]?.volume?.objects.get(id) ?? ''
    return `${id} from ${before?.slice(0, 8) ?? '?'}... to ${version.slice(0, 8)}..., ${vaultReads(world) - asked} requests to the vault`
  })
}

async function lostAccess({ world, report, volumes, step }: Telling, contents: VaultContents): Promise<void> {
  const { control } = world.azure
  report.chapter('Access to the vault is taken away')
  let told = ''
  await step('the next look is refused, and says what to run', async (signal) => {
    control.setVaultAccess(VAULT, SHOP_IDENTITY)
    const reason = /vault shop does not let the identity of pod default\/shop/
    told = await refusal(volumes, { pod: 'shop', reason, until: true }, signal)
    const principal = principalOf(world, SHOP_IDENTITY)
    for (const part of [SECRET_NAME, `az keyvault set-policy --name ${VAULT}`, `--object-id ${principal}`]) {
      must(told.includes(part), `the text says nothing of ${part}: ${told}`)
    }
    return ''
  })
  report.detail(told)
  await step('the old file stays', async (signal) => {
    const file = await fileOf(volumes, FILES.secret, signal)
    checkSecret(file, contents.nextPassword)
    return describeFile(file)
  })
  await step('access is given back, and the next look is fine', async (signal) => {
    control.setVaultAccess(VAULT, SHOP_IDENTITY, READ_VAULT)
    await volumes.lookUntil('shop', ({ volume }) => volume !== undefined, signal)
    return ''
  })
}

async function lostBinding({ world, report, volumes, step }: Telling): Promise<void> {
  report.chapter('The operator takes the binding away')
  let told = ''
  await step('AzureIdentityBinding shop is deleted, and the next look is refused', async (signal) => {
    await world.rest.send('DELETE', pathOf('AzureIdentityBinding', 'default', 'shop'), { signal })
    const reason = /pod default\/shop has label aadpodidbinding=shop/
    told = await refusal(volumes, { pod: 'shop', reason, until: true }, signal)
    return ''
  })
  report.detail(told)
}

interface WantedRefusal {
  readonly pod: string
  readonly reason: RegExp
  /** It worked until now, and may for a moment: what was read just before is shared. Otherwise it may never work. */
  readonly until?: true
}

/** The text with which a pod is refused for that reason; before it, others may hold, such as an assignment under way. */
async function refusal(volumes: Volumes, wanted: WantedRefusal, signal: AbortSignal): Promise<string> {
  const { pod, reason, until = false } = wanted
  const wrong = ({ volume }: MountTry): boolean => volume !== undefined && !until
  const { refused } = await volumes.lookUntil(
    pod,
    (each) => wrong(each) || reason.test(each.refused ?? ''),
    signal,
  )
  must(refused !== undefined, `${pod} got the volume`)
  return refused
}

// oxlint-disable-next-line max-params -- a file is a volume and a path
async function fileOf(volumes: Volumes, path: string, signal: AbortSignal, pod = 'shop'): Promise<SeenFile> {
  const file = await volumes.file(pod, path, signal)
  must(file !== undefined, `pod ${pod} has no ${path}`)
  return file
}

function principalOf(world: DemoWorld, identity: string): string {
  return world.azure.state.identities.get(identity.toLowerCase())?.principalId ?? 'unknown'
}

/** Requests for objects that reached the vault so far. */
function vaultReads({ azure }: DemoWorld): number {
  return azure.journal.requests.filter(({ service, method }) => service === 'vault' && method === 'GET')
    .length
}
