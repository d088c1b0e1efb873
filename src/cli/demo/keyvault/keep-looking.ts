import { join } from 'node:path'
import { sleep } from '../../../base/deadline.ts'
import { READ_VAULT, SECRET_NAME, SHOP_IDENTITY, VAULT } from '../azure-seed.ts'
import { PORTS } from '../components.ts'
import { applyManifest, readManifests } from '../manifests.ts'
import type { Report } from '../report.ts'
import type { DemoWorld } from '../world.ts'
import { FILES } from './vault-contents.ts'
import type { Volumes } from './volumes.ts'

/** How often the volume is looked after; kubelet does it about once a minute. */
const LOOK_MS = 2_000

/**
 * Puts the binding back, prints how to change the vault and look at the files, and looks after the volume until
 * Ctrl-C; a new refusal is told once.
 */
// oxlint-disable-next-line max-params -- the world, what goes on in it, and who hears of it
export async function keepLooking(
  world: DemoWorld,
  volumes: Volumes,
  report: Report,
  stop: AbortSignal,
): Promise<void> {
  const { place, azure } = world
  const identity = join(world.examples, 'identity.yaml')
  for (const object of await readManifests(identity)) await applyManifest(world.rest, object, stop)
  const folder = await volumes.folder('shop', stop)
  const control = (body: object): string =>
    `curl ${azure.adminUrl ?? ''}/control -d '${JSON.stringify({ ...body, vault: VAULT })}'`
  const access = { action: 'setVaultAccess', principal: SHOP_IDENTITY }
  report.chapter('Everything goes on, and the binding is back. In another terminal:')
  for (const line of [
    '# the files of pod shop, looked after every two seconds',
    `ls -lLR ${folder}/`,
    `sha256sum ${join(folder, FILES.secret)}`,
    '',
    '# the vault: a new value, access taken away, access given back',
    control({ action: 'setVaultSecret', name: SECRET_NAME, value: 'another' }),
    control(access),
    control({ ...access, permissions: READ_VAULT }),
    '',
    '# the cluster',
    `export KUBECONFIG=${world.kubeconfig}`,
    'kubectl get azureassignedidentities -A -w',
    'kubectl delete azureidentitybinding shop',
    `kubectl apply -f ${identity}`,
    '',
    '# the provider',
    `curl http://${place.componentAddress}:${PORTS.providerProbe}/readyz`,
    `curl http://${place.componentAddress}:${PORTS.providerMetrics}/metrics`,
  ]) {
    report.detail(line)
  }
  report.chapter('Ctrl-C ends it and removes everything.')
  try {
    await lookOn(world, volumes, report, stop)
  } catch (thrown) {
    // Ctrl-C is how it ends.
    if (!stop.aborted) throw thrown
  }
}

// oxlint-disable-next-line max-params -- as above
async function lookOn(
  { clock }: DemoWorld,
  volumes: Volumes,
  report: Report,
  stop: AbortSignal,
): Promise<void> {
  let told = ''
  while (!stop.aborted) {
    const { refused = '', volume } = await volumes.tryMount('shop', stop)
    if (refused !== told && refused !== '') report.note(refused)
    if (told !== '' && volume !== undefined) report.note('the volume is looked after again')
    if (volume?.written === true) report.note('the files were swapped')
    told = refused
    await sleep(clock, LOOK_MS, stop)
  }
}
