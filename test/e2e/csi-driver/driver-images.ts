/** Images of the Secrets Store CSI driver and of what stands beside it, by the names that its chart is given. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheFolder } from '../../../scripts/image/cache-folder.ts'
import { Apt } from '../../../scripts/image/debian/apt.ts'
import { debianEntries, unpackRoot } from '../../../scripts/image/debian/root-tree.ts'
import type { LayerEntry } from '../../../scripts/image/oci/layer-entry.ts'
import { programImage } from '../cluster/images.ts'
import { type BuildSite, type GoProgram, goProgram, versionOf } from './go-program.ts'

const FOLDER = import.meta.dirname
export const DRIVER_MODULE = 'sigs.k8s.io/secrets-store-csi-driver'
export const DRIVER = join(FOLDER, 'driver')

/** Repository and tag of each image of the driver's chart. */
export const DRIVER_IMAGES = {
  driver: { repository: 'podid.test/csi-driver', tag: '1' },
  registrar: { repository: 'podid.test/csi-registrar', tag: '1' },
  liveness: { repository: 'podid.test/csi-liveness', tag: '1' },
} as const

const SIDECARS = join(FOLDER, 'sidecars')

/** Archives for the nodes. Root, as kubelet's folders are root's. */
export async function driverImages(site: BuildSite): Promise<readonly string[]> {
  const version = await versionOf(DRIVER, DRIVER_MODULE)
  const driver: GoProgram = {
    name: 'secrets-store-csi',
    module: DRIVER,
    main: `${DRIVER_MODULE}/cmd/secrets-store-csi-driver`,
    variables: [`${DRIVER_MODULE}/pkg/version.BuildVersion=${version}`],
  }
  const registrar: GoProgram = { name: 'registrar', module: SIDECARS, main: './registrar' }
  const liveness: GoProgram = { name: 'liveness', module: SIDECARS, main: './liveness' }
  return [
    // It calls mount and umount.
    await rootImage(DRIVER_IMAGES.driver, driver, site, ['mount']),
    await rootImage(DRIVER_IMAGES.registrar, registrar, site),
    await rootImage(DRIVER_IMAGES.liveness, liveness, site),
  ]
}

interface ImageName {
  readonly repository: string
  readonly tag: string
}

/** An image of one program for root, over packages of Debian if any are named. */
export async function rootImage(
  { repository, tag }: ImageName,
  program: GoProgram,
  site: BuildSite,
  packages: readonly string[] = [],
): Promise<string> {
  const file = await goProgram(program, site)
  const key = createHash('sha256')
    .update(JSON.stringify([file, packages, repository, tag]))
    .digest('hex')
  const archive = cacheFolder('images', `${program.name}-${key.slice(0, 16)}.tar`)
  if (existsSync(archive)) return archive
  const scratch = await mkdtemp(join(tmpdir(), 'podid-csi-image-'))
  const fresh = `${archive}.${process.pid}`
  try {
    await mkdir(dirname(archive), { recursive: true })
    const below = packages.length === 0 ? undefined : await debian(packages, join(scratch, 'root'))
    const name = `${repository}:${tag}`
    const image = { name, program: file, path: program.name, archive: fresh, user: '0' }
    await programImage(below === undefined ? image : { ...image, below })
    await rename(fresh, archive)
  } finally {
    await rm(scratch, { recursive: true, force: true })
    await rm(fresh, { force: true })
  }
  return archive
}

async function debian(names: readonly string[], folder: string): Promise<readonly LayerEntry[]> {
  const apt = new Apt(process.arch === 'arm64' ? 'arm64' : 'amd64')
  const packages = await apt.resolve({ names: [...names], dependencies: true })
  await unpackRoot({ apt, packages, folder })
  return debianEntries(folder)
}
