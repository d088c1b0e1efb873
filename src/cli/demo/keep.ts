import { join } from 'node:path'
import { untilAborted } from '../../base/deadline.ts'
import { PORTS } from './components.ts'
import { applyManifest, readManifests } from './manifests.ts'
import type { Report } from './report.ts'
import type { DemoWorld } from './world.ts'

/** Puts the binding back, prints how to look at everything, and waits for Ctrl-C. */
export async function keepRunning(world: DemoWorld, report: Report, stop: AbortSignal): Promise<void> {
  for (const object of await readManifests(join(world.examples, 'identity.yaml'))) {
    await applyManifest(world.rest, object, stop)
  }
  const { place, azure } = world
  const shop = await world.kubelet.running('default/shop', stop)
  const address = place.componentAddress
  const env = Object.entries(shop.env).map(([name, value]) => `${name}=${value} `)
  report.chapter('Everything goes on, and the binding is back. In another terminal:')
  for (const line of [
    `export KUBECONFIG=${world.kubeconfig}`,
    'kubectl get azureassignedidentities -A -w',
    'kubectl describe pod shop-misspelt',
    'kubectl label pod shop-misspelt aadpodidbinding=shop --overwrite',
    'kubectl delete azureidentitybinding shop',
    `kubectl apply -f ${join(world.examples, 'identity.yaml')}`,
    '',
    '# the application in a pod, as often as you like',
    `${env.join('')}${shop.prefix}${process.execPath} ${join(world.examples, 'app.mjs')}`,
    '',
    '# the node agent and the controller',
    `curl http://${address}:${PORTS.nmiProbe}/readyz`,
    `curl http://${address}:${PORTS.nmiMetrics}/metrics`,
    ...(world.managed
      ? []
      : [
          `curl http://${address}:${PORTS.micProbe}/readyz`,
          `curl http://${address}:${PORTS.micMetrics}/metrics`,
        ]),
    '',
    `# the emulated Azure: ${azure.armUrl}, CA in ${join(world.folder, 'ca.pem')}`,
  ]) {
    report.detail(line)
  }
  report.chapter('Ctrl-C ends it and removes everything.')
  await untilAborted(stop)
}
