import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { codeOf } from '../../src/base/errors.ts'

export interface VolumeFile {
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  readonly contents: Buffer
}

/** What the visible names lead through; swapping it swaps all files at once. */
const DATA = '..data'
const NEXT_DATA = '..data_tmp'

/**
 * Makes `files` the whole content of a volume, all at once: a new folder named after the time is filled, `..data` is
 * turned to it, and what leads nowhere any more is removed. The paths are checked before (path-rules.ts); of two files
 * of one path the later counts. As in the driver, a mode alone changes nothing.
 * @returns whether anything was written
 * @throws Error of the system, such as for a file that is the folder of another
 */
export async function writeVolume(
  folder: string,
  files: readonly VolumeFile[],
  clock: Clock,
): Promise<boolean> {
  const wanted = new Map(files.map((file) => [file.path, file]))
  const tops = new Set([...wanted.keys()].map(topOf))
  await removeForeign(folder, tops)
  const before = await absentAs(undefined, readlink(join(folder, DATA)))
  const present = before === undefined ? undefined : await filesBelow(join(folder, before))
  if (
    before !== undefined &&
    present !== undefined &&
    (await isSame(join(folder, before), present, wanted))
  ) {
    return false
  }
  const fresh = await fill(folder, wanted, clock)
  await linkTops(folder, tops)
  await symlink(fresh, join(folder, NEXT_DATA))
  await rename(join(folder, NEXT_DATA), join(folder, DATA))
  for (const top of new Set((present ?? []).map(topOf))) {
    if (!tops.has(top)) await rm(join(folder, top))
  }
  if (before !== undefined) await rm(join(folder, before), { recursive: true, force: true })
  return true
}

/** Files that something else wrote into the volume in place of links: providers did, before they sent files. */
async function removeForeign(folder: string, tops: ReadonlySet<string>): Promise<void> {
  for (const top of tops) {
    const found = await absentAs(undefined, lstat(join(folder, top)))
    if (found !== undefined && !found.isSymbolicLink()) await rm(join(folder, top), { recursive: true })
  }
}

async function isSame(
  folder: string,
  present: readonly string[],
  wanted: ReadonlyMap<string, VolumeFile>,
): Promise<boolean> {
  if (present.length !== wanted.size) return false
  for (const path of present) {
    const contents = wanted.get(path)?.contents
    if (contents === undefined || !contents.equals(await readFile(join(folder, path)))) return false
  }
  return true
}

/** @returns the name of the new folder */
async function fill(folder: string, wanted: ReadonlyMap<string, VolumeFile>, clock: Clock): Promise<string> {
  const time = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-T:]/g, '_')
  const place = await mkdtemp(join(folder, `..${time}.`))
  try {
    await chmod(place, 0o755)
    for (const { path, mode, contents } of wanted.values()) {
      const file = join(place, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, contents, { mode })
      // The mask of the process does not count.
      await chmod(file, mode)
    }
  } catch (thrown) {
    await rm(place, { recursive: true, force: true })
    throw thrown
  }
  return place.slice(folder.length + 1)
}

/** The names that pods see: each leads through `..data`, so they are made once. */
async function linkTops(folder: string, tops: ReadonlySet<string>): Promise<void> {
  for (const top of tops) {
    const leads = await absentAs(undefined, readlink(join(folder, top)))
    if (leads === undefined) await symlink(join(DATA, top), join(folder, top))
  }
}

/** Paths of the files below a folder, relative to it. */
async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await absentAs([], readdir(folder, { recursive: true, withFileTypes: true }))
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

function topOf(path: string): string {
  return path.split('/', 1)[0] ?? path
}

async function absentAs<T, U>(otherwise: U, reading: Promise<T>): Promise<T | U> {
  try {
    return await reading
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return otherwise
    throw thrown
  }
}
