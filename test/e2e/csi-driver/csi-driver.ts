/** The Secrets Store CSI driver on the cluster, installed by Helm from the chart in its own Go module. */
import { join } from 'node:path'
import { until } from '../cluster/until.ts'
import { RELEASE_NAMESPACE } from '../release.ts'
import type { World } from '../world.ts'
import { DRIVER, DRIVER_IMAGES, DRIVER_MODULE } from './driver-images.ts'
import { moduleFolder } from './go-program.ts'

export const DRIVER_NAME = 'secrets-store.csi.k8s.io'
export const DRIVER_NAMESPACE = RELEASE_NAMESPACE
/** Label of the driver's pods. */
export const DRIVER_LABEL = 'app=secrets-store-csi-driver'
export const WORKLOAD_AUDIENCE = 'api://AzureADTokenExchange'

const NAME = 'csi-driver'

/** Of the kubelets of a cluster for Key Vault: how often volumes are looked at again. */
export const KEY_VAULT_SYNC = '5s'
/** podid's chart with the provider. */
export const KEY_VAULT_VALUES = { keyvaultProvider: { enabled: true } } as const

/** A file that has not changed for so long is asked for again at the next sync of kubelet. */
const POLL = '3s'

/** Installs it and waits until every node knows it; again with other values changes it. @throws Error */
export async function installCsiDriver(
  world: World,
  values: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { cluster, podid, reads } = world
  const folder = await moduleFolder(DRIVER, DRIVER_MODULE, world.clock)
  const image = (each: keyof typeof DRIVER_IMAGES) => ({ ...DRIVER_IMAGES[each], pullPolicy: 'Never' })
  await podid.prepare()
  const chart = join(folder, 'charts', 'secrets-store-csi-driver')
  await podid.helm(
    ['upgrade', '--install', NAME, chart, '--values', '-', '--wait', '--timeout', '120s'],
    JSON.stringify({
      linux: {
        image: image('driver'),
        registrarImage: image('registrar'),
        livenessProbeImage: image('liveness'),
        // A job of the chart, in an image of its own, brings new definitions; Helm itself brings the first ones.
        crds: { enabled: false },
      },
      enableSecretRotation: true,
      rotationPollInterval: POLL,
      syncSecret: { enabled: true },
      tokenRequests: [{ audience: WORKLOAD_AUDIENCE }],
      logVerbosity: 2,
      ...values,
    }),
  )
  await until('every node knows the driver', { deadlineMs: 60_000 }, async () => {
    const nodes = await reads.list<CsiNode>('/apis/storage.k8s.io/v1/csinodes')
    const known = nodes.filter(({ spec }) => spec.drivers?.some(({ name }) => name === DRIVER_NAME))
    return known.length === cluster.nodes.length
  })
}

interface CsiNode {
  readonly spec: { readonly drivers: readonly { readonly name: string }[] | null }
}
