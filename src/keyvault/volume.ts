import { setImmediate as turn } from 'node:timers/promises'
import type { Log } from '../telemetry/log.ts'
import { createAnswerSize } from './answer-size.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder, MountResult } from './mount-order.ts'
import type { ReadObject } from './object-reads.ts'
import type { PfxOpenings } from './render/pfx-openings.ts'
import { renderObject } from './render/render.ts'
import type { RenderSettings } from './render/rendered-part.ts'
import { filePath, objectUid } from './request/file-names.ts'
import { createFileTree } from './request/file-tree.ts'

/** Version that the status of the pod shows for an optional object that the vault does not have. */
const MISSING = 'missing'

export interface VolumeDeps {
  readonly settings: RenderSettings
  readonly pfx: PfxOpenings
  /** What the driver takes at once. */
  readonly maxAnswerBytes: number
  readonly log: Log
}

/**
 * The files of a volume and the versions that SecretProviderClassPodStatus shows.
 * Between two objects other mounts have their turn, and the first file too many ends it.
 * @throws MountFailure `object-unusable`, `answer-too-large`, `objects-invalid` when two objects want one path; the
 * signal's reason
 */
export async function renderVolume(
  order: MountOrder,
  reads: readonly ReadObject[],
  { settings, pfx, maxAnswerBytes, log }: VolumeDeps,
  signal: AbortSignal,
): Promise<MountResult> {
  const files: MountResult['files'][number][] = []
  const tree = createFileTree()
  const size = createAnswerSize(maxAnswerBytes)
  const rendering = { separateFiles: settings.separateFiles, openPfx: pfx.ofMount() }
  const objectVersions: MountResult['objectVersions'][number][] = []
  const tellVersion = (id: string, version: string): void => {
    size.version(id, version)
    objectVersions.push({ id, version })
  }
  for (const [position, { wanted, versions, staleSince }] of reads.entries()) {
    if (staleSince !== undefined) tellStale(log, order, wanted.name, staleSince)
    if (versions.length === 0) tellVersion(objectUid(wanted), MISSING)
    for (const [index, object] of versions.entries()) {
      await turn()
      signal.throwIfAborted()
      const at = wanted.history > 1 ? index : undefined
      tellVersion(objectUid(wanted, at), object.version)
      for (const { suffix, contents } of await renderObject(object, wanted, rendering)) {
        const path = `${filePath(wanted, at)}${suffix}`
        // Suffixes come with the setting of the provider, so the class alone does not show the clash.
        const other = tree.add(path, position)
        if (other !== undefined)
          throw new MountFailure(
            'objects-invalid',
            `the files of ${reads[other]?.wanted.name ?? ''} and ${wanted.name} collide at ${path}`,
          )
        size.file(path, contents)
        files.push({ path, mode: wanted.mode, contents })
      }
    }
  }
  return { files, objectVersions }
}

function tellStale(log: Log, order: MountOrder, object: string, staleSince: number): void {
  const { pod, vault } = order
  log.warn(
    {
      pod: `${pod.namespace}/${pod.name}`,
      vault: vault.name,
      object,
      staleSince: new Date(staleSince).toISOString(),
    },
    'the vault is down; the last known good is mounted',
  )
}
