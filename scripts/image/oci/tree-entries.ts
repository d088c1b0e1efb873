import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type EntryOwner, type LayerEntry, LayerEntryError, ROOT_OWNER } from './layer-entry.ts'

export interface TreeOptions {
  /** Owner of every entry; root when not given. What the disk says is this machine's business. */
  readonly owner?: EntryOwner
  /** Whether a path (relative to the tree) belongs to the layer; a folder that does not takes all below it along. */
  readonly include?: (path: string) => boolean
}

/**
 * The entries of a tree on disk, in the order of names: modes and links as they are, a second name of one file
 * as a hard link. File contents stay on disk until the layer is written.
 * @throws LayerEntryError for sockets, devices and pipes.
 */
export async function entriesOfTree(root: string, options: TreeOptions = {}): Promise<readonly LayerEntry[]> {
  const { owner = ROOT_OWNER, include = () => true } = options
  const found = await pathsBelow(root, '', include)
  found.sort((one, other) => (one.path < other.path ? -1 : 1))
  const firstNames = new Map<string, string>()
  const entries: LayerEntry[] = []
  for (const { path, about } of found) {
    const base = { path, mode: about.mode & 0o7777, ...owner }
    if (about.isSymbolicLink()) {
      // The kernel gives a link no mode of its own.
      entries.push({ ...base, kind: 'symlink', mode: 0o777, target: await readlink(join(root, path)) })
    } else if (about.isDirectory()) {
      entries.push({ ...base, kind: 'directory' })
    } else if (about.isFile()) {
      const id = `${about.dev}:${about.ino}`
      const target = about.nlink > 1 ? firstNames.get(id) : undefined
      if (target === undefined) firstNames.set(id, path)
      entries.push(
        target === undefined
          ? { ...base, kind: 'file', content: { file: join(root, path) } }
          : { ...base, kind: 'hardlink', target },
      )
    } else {
      throw new LayerEntryError(`${path} is no file, folder or link`)
    }
  }
  return entries
}

interface Found {
  readonly path: string
  readonly about: Stats
}

async function pathsBelow(
  root: string,
  folder: string,
  include: (path: string) => boolean,
): Promise<Found[]> {
  const found: Found[] = []
  for (const name of await readdir(join(root, folder))) {
    const path = folder === '' ? name : `${folder}/${name}`
    if (!include(path)) continue
    const about = await lstat(join(root, path))
    found.push({ path, about })
    if (about.isDirectory()) found.push(...(await pathsBelow(root, path, include)))
  }
  return found
}
