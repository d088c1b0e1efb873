import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Owner } from '../../base/lifecycle.ts'
import { CLUSTER_CLIENT_ID, DEMO_TENANT, NODE_NAME } from './azure-seed.ts'
import { type RunningComponent, startComponent } from './component.ts'
import type { DemoWorld } from './world.ts'

export interface ComponentsOptions {
  readonly world: DemoWorld
  readonly owner: Owner
  /** Hears every line of the components' logs. */
  readonly onLine: (component: string, line: string) => void
  readonly stop: AbortSignal
}

/** Ports of the components on the demo's own addresses. */
export const PORTS = {
  nmiProbe: 20_080,
  nmiMetrics: 20_090,
  micProbe: 20_081,
  micMetrics: 20_091,
  providerProbe: 20_082,
  providerMetrics: 20_092,
} as const

/** NMI would wait up to 45 s for an identity that is on its way; so short, kubelet's tries are seen. */
const VOLUME_HOLD = '1s'
/** 25 s unless told: a demo has no time for that. */
const POLL_MAX_AGE = '500ms'

/** Starts podid itself: each component a process with its real command line and its own service account. */
export async function startComponents(options: ComponentsOptions): Promise<string> {
  const { world, owner, stop } = options
  const components = [startNmi(options)]
  if (!world.managed) components.push(startMic(options))
  if (world.keyvault) components.push(startProvider(options))
  const running = await Promise.all(components)
  for (const component of running) owner.own(() => component.stop())
  await Promise.all(running.map((component) => component.ready(stop)))
  return running.map((component) => `process ${component.process.pid ?? 0}`).join(', ')
}

async function startNmi(options: ComponentsOptions): Promise<RunningComponent> {
  const { world } = options
  const { place, clock } = world
  const kubelet = join(world.folder, 'kubelet-flags')
  await writeFile(kubelet, 'KUBELET_EXTRA_ARGS=--network-plugin=cni\n')
  return startComponent({
    place,
    clock,
    name: 'nmi',
    probePort: PORTS.nmiProbe,
    onLine: options.onLine,
    flags: [
      `--node=${NODE_NAME}`,
      `--kubeconfig=${await world.componentKubeconfig('nmi')}`,
      `--operation-mode=${world.managed ? 'managed' : 'standard'}`,
      `--kubelet-config=${kubelet}`,
      `--http-probe-port=${PORTS.nmiProbe}`,
      `--prometheus-port=${PORTS.nmiMetrics}`,
      `--probe-address=${place.componentAddress}`,
      ...(world.keyvault ? [`--host-door-socket=${hostDoor(world)}`, `--hold-limit=${VOLUME_HOLD}`] : []),
      ...place.nmiFlags,
    ],
  })
}

async function startMic(options: ComponentsOptions): Promise<RunningComponent> {
  const { world } = options
  const { place, clock } = world
  const cloudConfig = join(world.folder, 'azure.json')
  await writeFile(cloudConfig, JSON.stringify(azureJson(place.kind === 'loopback')))
  return startComponent({
    place,
    clock,
    name: 'mic',
    probePort: PORTS.micProbe,
    onLine: options.onLine,
    flags: [
      `--kubeconfig=${await world.componentKubeconfig('mic')}`,
      `--cloudconfig=${cloudConfig}`,
      `--http-probe-port=${PORTS.micProbe}`,
      `--prometheus-port=${PORTS.micMetrics}`,
      `--probe-address=${place.componentAddress}`,
    ],
  })
}

async function startProvider({ world, onLine }: ComponentsOptions): Promise<RunningComponent> {
  const { place, clock } = world
  return startComponent({
    place,
    clock,
    name: 'keyvault-provider',
    probePort: PORTS.providerProbe,
    onLine,
    env: await place.vaultEnv(),
    flags: [
      `--endpoint=unix://${providerSocket(world)}`,
      `--pod-identity-endpoint=unix://${hostDoor(world)}`,
      `--poll-max-age=${POLL_MAX_AGE}`,
      `--healthz-port=${PORTS.providerProbe}`,
      `--prometheus-port=${PORTS.providerMetrics}`,
      `--probe-address=${place.componentAddress}`,
      // So that the search for secrets in the logs has everything that it could find.
      '--v=5',
    ],
  })
}

/** Where the CSI driver asks. */
export function providerSocket({ folder }: DemoWorld): string {
  return join(folder, 'azure.sock')
}

/** Where the provider asks NMI. */
function hostDoor({ folder }: DemoWorld): string {
  return join(folder, 'nmi.sock')
}

/** azure.json as it stands on a node: MIC logs in with the cluster's managed identity. */
function azureJson(custom: boolean): Record<string, unknown> {
  return {
    cloud: custom ? 'AzureStackCloud' : 'AzurePublicCloud',
    tenantId: DEMO_TENANT,
    subscriptionId: '11111111-2222-3333-4444-555555555555',
    resourceGroup: 'mc-demo',
    vmType: 'vmss',
    useManagedIdentityExtension: true,
    userAssignedIdentityID: CLUSTER_CLIENT_ID,
  }
}
