import type { VaultVersion } from '../../azure/vault-objects.ts'
import { newestFirst } from '../../azure/vault-versions.ts'
import type { WantedObject } from '../wanted-object.ts'

/**
 * What SecretProviderClassPodStatus calls the object: `secret/name`, with several versions `secret/name/0`. The
 * alias is not part of it, so one object under two aliases is one line there.
 * @param index of the version; undefined when one version is wanted
 */
export function objectUid(wanted: Pick<WantedObject, 'type' | 'name'>, index?: number): string {
  const uid = `${wanted.type}/${wanted.name}`
  return index === undefined ? uid : `${uid}/${index}`
}

/** Path of a file in the volume, without the suffix of a part. @param index as of `objectUid` */
export function filePath(wanted: Pick<WantedObject, 'path'>, index?: number): string {
  return index === undefined ? wanted.path : `${wanted.path}/${index}`
}

/**
 * The versions to read of a list in any order: enabled ones, newest first, from `version` on (empty: the newest), at
 * most `history`.
 * Empty when there is none, or not the version to start with.
 */
export function newestVersions(
  list: readonly VaultVersion[],
  wanted: Pick<WantedObject, 'version' | 'history'>,
): readonly VaultVersion[] {
  // A list of several pages may repeat one that was on the border.
  const enabled = new Map(list.filter((each) => each.enabled).map((each) => [each.version, each]))
  const sorted = [...enabled.values()].sort(newestFirst)
  const start = wanted.version === '' ? 0 : sorted.findIndex(({ version }) => version === wanted.version)
  return start < 0 ? [] : sorted.slice(start, start + wanted.history)
}
