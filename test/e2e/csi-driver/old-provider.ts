/** The Azure Key Vault Provider that podid takes the place of: the real one, by its own chart, from its Go module. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { World } from '../world.ts'
import { DRIVER, DRIVER_MODULE, rootImage } from './driver-images.ts'
import { type BuildSite, type GoProgram, moduleFolder, versionOf } from './go-program.ts'

const MODULE = 'github.com/Azure/secrets-store-csi-driver-provider-azure'
const FOLDER = join(import.meta.dirname, 'old-provider')
const IMAGE = { repository: 'podid.test/old-provider', tag: '1' } as const
const NAME = 'csi'

/** What `Version` of it answers. */
export const OLD_RUNTIME = 'secrets-store-csi-driver-provider-azure'
export const OLD_DAEMON_SET = `daemonsets/${NAME}-csi-secrets-store-provider-azure`

/** Archive of its image. */
export async function oldProviderImage(site: BuildSite): Promise<string> {
  const version = await versionOf(FOLDER, MODULE)
  const program: GoProgram = {
    name: 'old-provider',
    module: FOLDER,
    main: `${MODULE}/cmd`,
    variables: [`${MODULE}/pkg/version.BuildVersion=${version}`],
  }
  return rootImage(IMAGE, program, site)
}

/** Installs it beside a driver that is there, and waits until it is ready. @throws Error with Helm's words */
export async function installOldProvider(world: World): Promise<void> {
  const values = {
    linux: {
      image: { ...IMAGE, pullPolicy: 'Never' },
      // The 50m of its chart would only make it slow.
      resources: { requests: { cpu: '50m' }, limits: { cpu: '1', memory: '200Mi' } },
      // It finds no other authorities there.
      volumes: [{ name: 'azure-ca', configMap: { name: 'azure-ca' } }],
      volumeMounts: [{ name: 'azure-ca', mountPath: '/etc/ssl/certs', readOnly: true }],
    },
    'secrets-store-csi-driver': { install: false },
  }
  await upgradeOldProvider(world, ['--install', '--values', '-', '--wait', '--timeout', '120s'], values)
}

/** `helm upgrade` of its release with its own chart. @throws Error with Helm's words */
export async function upgradeOldProvider(
  world: World,
  flags: readonly string[],
  values: object = {},
): Promise<void> {
  const { clock, podid } = world
  const folder = await mkdtemp(join(tmpdir(), 'podid-old-chart-'))
  try {
    const chart = join(folder, 'chart')
    const charts = join(await moduleFolder(FOLDER, MODULE, clock), 'charts')
    await cp(join(charts, 'csi-secrets-store-provider-azure'), chart, { recursive: true })
    // The chart names the driver's as its dependency; it is not installed.
    const driver = join(
      await moduleFolder(DRIVER, DRIVER_MODULE, clock),
      'charts',
      'secrets-store-csi-driver',
    )
    await cp(driver, join(chart, 'charts', 'secrets-store-csi-driver'), { recursive: true })
    await podid.helm(['upgrade', NAME, chart, ...flags], JSON.stringify(values))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
