import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BlobFolder, type Compression, type Descriptor, type WrittenLayer } from './blob-folder.ts'
import { type LayerEntry, orderedEntries } from './layer-entry.ts'
import { tarBytes } from './tar-bytes.ts'
import { entriesOfTree } from './tree-entries.ts'

/** One layer before it is written. */
export interface LayerSource {
  readonly entries: Iterable<LayerEntry>
  /** `none` for a large layer that never leaves the machine: gzip costs 10 s for 100 MB. */
  readonly compression: Compression
  /** What `docker history` shows of it. */
  readonly madeBy: string
}

/** How a container of the image starts (OCI image specification, "Image Configuration"). */
export interface RunConfig {
  readonly user?: string
  readonly env?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly workingDir?: string
  readonly labels?: Readonly<Record<string, string>>
}

export type Architecture = 'amd64' | 'arm64'

export interface PlatformSource {
  readonly architecture: Architecture
  readonly layers: readonly LayerSource[]
  readonly run: RunConfig
}

export interface ImageSource {
  /** Full names with a tag: `registry.example/podid/podid:0.1.0`. The first is the main one. */
  readonly names: readonly string[]
  /** Written into the configuration; take a commit's time, so that it repeats. */
  readonly created: Date
  /** Of the index and of each manifest. */
  readonly annotations?: Readonly<Record<string, string>>
  /** At least one; no architecture twice. */
  readonly platforms: readonly PlatformSource[]
}

export interface WrittenPlatform {
  readonly architecture: Architecture
  /** Digest of the manifest. */
  readonly digest: string
  readonly layers: readonly WrittenLayer[]
}

export interface WrittenImage {
  /** Digest of the index: what `name@sha256:...` says. */
  readonly digest: string
  readonly platforms: readonly WrittenPlatform[]
}

/** An image that cannot be described so. */
export class ImageSourceError extends Error {}

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'

/** A host, at least one name, a tag: containerd looks an image up by exactly this text. */
const FULL_NAME = /^[a-z0-9][a-z0-9.-]*(?::\d+)?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+:(\w[\w.-]{0,127})$/

/**
 * Writes an OCI image layout. The folder is emptied first; the same source gives the same bytes.
 * @throws ImageSourceError, LayerEntryError
 */
export async function writeLayout(folder: string, source: ImageSource): Promise<WrittenImage> {
  refuseSource(source)
  await rm(folder, { recursive: true, force: true })
  const blobs = new BlobFolder(folder)
  await blobs.create()
  const platforms: WrittenPlatform[] = []
  const manifests: (Descriptor & { readonly platform: object })[] = []
  for (const platform of source.platforms) {
    const { architecture } = platform
    const layers: WrittenLayer[] = []
    for (const layer of platform.layers) layers.push(await blobs.addLayer(layer.entries, layer.compression))
    const config = await blobs.addJson(CONFIG_TYPE, configOf(source, platform, layers))
    const manifest = await blobs.addJson(MANIFEST_TYPE, {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config,
      layers: layers.map(({ descriptor }) => descriptor),
      ...annotationsOf(source),
    })
    manifests.push({ ...manifest, platform: { architecture, os: 'linux' } })
    platforms.push({ architecture, digest: manifest.digest, layers })
  }
  const index = await blobs.addJson(INDEX_TYPE, {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests,
    ...annotationsOf(source),
  })
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(folder, 'index.json'), JSON.stringify(nameList(source.names, index)))
  return { digest: index.digest, platforms }
}

/**
 * Packs a layout into one tar file, as `ctr images import`, `skopeo` and `docker load` take it. The file
 * appears when it is complete.
 */
export async function writeArchive(layout: string, archive: string): Promise<void> {
  await mkdir(dirname(archive), { recursive: true })
  const unfinished = join(dirname(archive), `.${basename(archive)}.unfinished-${process.pid}`)
  try {
    const modes = (await entriesOfTree(layout)).map((entry) => ({
      ...entry,
      mode: entry.kind === 'directory' ? 0o755 : 0o644,
    }))
    await pipeline(tarBytes(orderedEntries(modes)), createWriteStream(unfinished))
    await rename(unfinished, archive)
  } finally {
    await rm(unfinished, { force: true })
  }
}

function refuseSource({ names, platforms }: ImageSource): void {
  if (names.length === 0) throw new ImageSourceError('an image needs a name')
  for (const name of names) {
    if (!FULL_NAME.test(name)) throw new ImageSourceError(`not a full name with a tag: ${name}`)
  }
  if (platforms.length === 0) throw new ImageSourceError('an image needs a platform')
  const kinds = platforms.map(({ architecture }) => architecture)
  if (new Set(kinds).size !== kinds.length)
    throw new ImageSourceError(`a platform twice: ${kinds.join(', ')}`)
}

function configOf(
  source: ImageSource,
  { architecture, run, layers: sources }: PlatformSource,
  layers: readonly WrittenLayer[],
): object {
  const created = source.created.toISOString()
  return {
    created,
    architecture,
    os: 'linux',
    config: {
      ...(run.user === undefined ? {} : { User: run.user }),
      ...(run.env === undefined ? {} : { Env: run.env }),
      ...(run.entrypoint === undefined ? {} : { Entrypoint: run.entrypoint }),
      ...(run.command === undefined ? {} : { Cmd: run.command }),
      ...(run.workingDir === undefined ? {} : { WorkingDir: run.workingDir }),
      ...(run.labels === undefined ? {} : { Labels: sortedRecord(run.labels) }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: sources.map(({ madeBy }) => ({ created, created_by: madeBy })),
  }
}

function annotationsOf({ annotations }: ImageSource): { annotations?: Readonly<Record<string, string>> } {
  return annotations === undefined ? {} : { annotations: sortedRecord(annotations) }
}

/**
 * `index.json`: every name points to the one index of platforms. containerd reads the first annotation,
 * tools that follow the OCI specification the second.
 */
function nameList(names: readonly string[], index: Descriptor): object {
  return {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: names.map((name) => ({
      ...index,
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': FULL_NAME.exec(name)?.[1] ?? name,
      },
    })),
  }
}

function sortedRecord(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1)))
}
