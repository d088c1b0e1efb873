import type { Log } from '../telemetry/log.ts'
import { MountFailure } from './mount-failure.ts'
import type { MountOrder, MountResult } from './mount-order.ts'
import type { ReadObject } from './object-reads.ts'
import { renderObject } from './render/render.ts'
import type { RenderSettings } from './render/rendered-part.ts'
import { filePath, objectUid } from './request/file-names.ts'
import { createFileTree } from './request/file-tree.ts'

/** Version that the status of the pod shows for an optional object that the vault does not have. */
const MISSING = 'missing'

/**
 * The files of a volume and the versions that SecretProviderClassPodStatus shows.
 * @throws MountFailure `object-unusable`, `objects-invalid` when two objects want one path
 */
export async function renderVolume(
  order: MountOrder,
  reads: readonly ReadObject[],
  { settings, log }: { readonly settings: RenderSettings; readonly log: Log },
): Promise<MountResult> {
  const files: MountResult['files'][number][] = []
  const tree = createFileTree()
  const objectVersions: MountResult['objectVersions'][number][] = []
  for (const [position, { wanted, versions, staleSince }] of reads.entries()) {
    if (staleSince !== undefined) tellStale(log, order, wanted.name, staleSince)
    if (versions.length === 0) objectVersions.push({ id: objectUid(wanted), version: MISSING })
    for (const [index, object] of versions.entries()) {
      const at = wanted.history > 1 ? index : undefined
      objectVersions.push({ id: objectUid(wanted, at), version: object.version })
      for (const { suffix, contents } of await renderObject(object, wanted, settings)) {
        const path = `${filePath(wanted, at)}${suffix}`
        // Suffixes come with the setting of the provider, so the class alone does not show the clash.
        const other = tree.add(path, position)
        if (other !== undefined)
          throw new MountFailure(
            'objects-invalid',
            `the files of ${reads[other]?.wanted.name ?? ''} and ${wanted.name} collide at ${path}`,
          )
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
