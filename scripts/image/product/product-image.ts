import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { bundle } from '../../bundle.ts'
import {
  type Architecture,
  type PlatformSource,
  type WrittenImage,
  writeArchive,
  writeLayout,
} from '../oci/image-layout.ts'
import { appEntries } from './app-layer.ts'
import { baseEntries, USER_ID } from './base-layer.ts'
import { billOfMaterials } from './bill-of-materials.ts'
import { bundledPackages } from './bundled-packages.ts'
import { LAUNCHER_PATH } from './launcher.ts'
import { type ImageLock, readImageLock } from './lock-file.ts'
import { nodeEntries } from './node-binary.ts'
import { type Origin, originOf } from './origin.ts'

export interface ProductOptions {
  readonly repository: string
  /** Folder of what is made; files of the same names are replaced. */
  readonly out: string
  readonly architectures: readonly Architecture[]
  /** Full names with tags; `localhost/podid:<version>` when empty. */
  readonly names: readonly string[]
}

export interface Product extends WrittenImage {
  readonly names: readonly string[]
  /** The OCI layout as a folder. */
  readonly layout: string
  /** The same as one file. */
  readonly archive: string
}

/** The image cannot be built by this Node, or from these files. */
export class ProductImageError extends Error {}

const manifest = v.object({ version: v.string(), description: v.string(), license: v.string() })

/**
 * Builds podid's image: an OCI layout, the same as an archive, and a bill of materials for each
 * architecture. The same commit with the same lock files gives the same digest.
 * @throws ProductImageError, DebianPackageError, NodeBinaryError, CommandFailed
 */
export async function buildProduct({
  repository,
  out,
  architectures,
  names,
}: ProductOptions): Promise<Product> {
  const about = v.parse(manifest, JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')))
  const lock = await readImageLock()
  if (process.versions.node !== lock.node.version) {
    throw new ProductImageError(
      `the image holds Node ${lock.node.version} and is built by it, this is ${process.versions.node}: npm ci, then npm run image`,
    )
  }
  const origin = await originOf(repository, process.env)
  const scratch = await mkdtemp(join(tmpdir(), 'podid-image-'))
  try {
    const bundleFolder = join(scratch, 'bundle')
    const packages = await bundledPackages(repository, await bundle(bundleFolder, { sourceMaps: false }))
    const labels = labelsOf(about, origin)
    await mkdir(out, { recursive: true })
    const platformOf = async (architecture: Architecture): Promise<PlatformSource> => {
      const bill = billOfMaterials({
        version: about.version,
        architecture,
        created: origin.created,
        npm: packages,
        debian: lock.debian[architecture],
        node: nodeParts(architecture, lock),
      })
      await writeFile(join(out, `podid-${about.version}-${architecture}.cdx.json`), bill)
      return {
        architecture,
        layers: [
          {
            entries: await baseEntries(architecture, lock, scratch),
            compression: 'gzip',
            madeBy: 'Debian packages',
          },
          {
            entries: await nodeEntries(architecture, lock),
            compression: 'gzip',
            madeBy: `Node ${lock.node.version}`,
          },
          {
            entries: await appEntries({ repository, bundle: bundleFolder, packages, bill }),
            compression: 'gzip',
            madeBy: `podid ${about.version}`,
          },
        ],
        run: {
          user: `${USER_ID}:${USER_ID}`,
          env: ['PATH=/usr/sbin:/usr/bin'],
          entrypoint: [`/${LAUNCHER_PATH}`],
          command: ['--help'],
          workingDir: '/',
          labels,
        },
      }
    }
    const fullNames = names.length > 0 ? names : [`localhost/podid:${about.version}`]
    const layout = join(out, 'layout')
    const image = await writeLayout(layout, {
      names: fullNames,
      created: origin.created,
      annotations: labels,
      platforms: await Promise.all(architectures.map(platformOf)),
    })
    const archive = join(out, `podid-${about.version}.oci.tar`)
    await writeArchive(layout, archive)
    return { ...image, names: fullNames, layout, archive }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function nodeParts(architecture: Architecture, lock: ImageLock) {
  return { package: lock.node[architecture].package, version: lock.node.version, parts: process.versions }
}

/** The keys that the OCI image specification defines ("Pre-Defined Annotation Keys"). */
function labelsOf(about: v.InferOutput<typeof manifest>, origin: Origin): Readonly<Record<string, string>> {
  const key = (name: string): string => `org.opencontainers.image.${name}`
  return {
    [key('title')]: 'podid',
    [key('description')]: about.description,
    [key('version')]: about.version,
    [key('licenses')]: about.license,
    [key('created')]: origin.created.toISOString(),
    ...(origin.revision === undefined ? {} : { [key('revision')]: origin.revision }),
  }
}
