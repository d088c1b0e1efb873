/** Small images of one static program, for the cluster itself and its tests. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeArchive, writeLayout } from '../../../scripts/image/oci/image-layout.ts'
import { type LayerEntry, ROOT_OWNER } from '../../../scripts/image/oci/layer-entry.ts'
import type { Binaries } from './binaries.ts'
import { PAUSE_IMAGE } from './node-config.ts'

/** Archive of the image that holds a pod's namespaces. */
export async function pauseImage(binaries: Binaries): Promise<string> {
  const archive = join(binaries.folder, 'pause.tar')
  const program = binaries.path('pause')
  if (!existsSync(archive)) await programImage({ name: PAUSE_IMAGE, program, path: 'pause', archive })
  return archive
}

export interface ProgramImage {
  /** Full name with a tag. */
  readonly name: string
  /** The program on this machine. */
  readonly program: string
  /** Where it stands in the image, without a leading slash. */
  readonly path: string
  readonly archive: string
  /** Who runs it: a user without rights unless told. */
  readonly user?: string
  /** What else is in the image: entries of a layer below. */
  readonly below?: readonly LayerEntry[]
}

/** Writes an image that starts that program, which is all that is in it unless told. */
export async function programImage(image: ProgramImage): Promise<void> {
  const { name, program, path, archive, user = '65535', below } = image
  const layout = await mkdtemp(join(tmpdir(), 'podid-image-'))
  try {
    await writeLayout(layout, {
      names: [name],
      created: new Date(0),
      platforms: [
        {
          architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
          run: { entrypoint: [`/${path}`], user },
          layers: [
            ...(below === undefined
              ? []
              : [{ compression: 'none' as const, madeBy: 'Debian', entries: below }]),
            {
              compression: 'none',
              madeBy: path,
              entries: [{ kind: 'file', path, mode: 0o755, content: { file: program }, ...ROOT_OWNER }],
            },
          ],
        },
      ],
    })
    await writeArchive(layout, archive)
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}
