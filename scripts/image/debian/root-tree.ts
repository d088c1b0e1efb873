import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { CommandFailed, run } from '../command.ts'
import type { Architecture } from '../oci/image-layout.ts'
import { type LayerEntry, ROOT_OWNER } from '../oci/layer-entry.ts'
import { entriesOfTree } from '../oci/tree-entries.ts'
import type { Apt } from './apt.ts'
import type { DebianPackage } from './package-list.ts'

/** Folders that Debian merges into /usr; packages of Debian 12 still write to both. */
const MERGED: Readonly<Record<Architecture, readonly string[]>> = {
  amd64: ['bin', 'lib', 'lib64', 'sbin'],
  arm64: ['bin', 'lib', 'sbin'],
}

export interface RootTree {
  /** For the architecture of the tree. */
  readonly apt: Apt
  /** Exactly these are unpacked. */
  readonly packages: readonly DebianPackage[]
  /** Emptied first. */
  readonly folder: string
}

/**
 * Unpacks packages into a root file system: no maintainer script runs, so there are no accounts, no
 * alternatives and no caches that such scripts make. `debianEntries` gives what belongs into an image.
 * @throws DebianPackageError, CommandFailed
 */
export async function unpackRoot({ apt, packages, folder }: RootTree): Promise<void> {
  const files = await apt.fetch(packages)
  await rm(folder, { recursive: true, force: true })
  for (const name of MERGED[apt.architecture]) {
    await mkdir(join(folder, 'usr', name), { recursive: true })
    // Not as mkdir's mode: the umask would take its part.
    for (const made of ['usr', `usr/${name}`]) await chmod(join(folder, made), 0o755)
    await symlink(`usr/${name}`, join(folder, name))
  }
  for (const file of files) await unpack(file, folder)
}

/** dpkg-deb's own extraction makes folders of the links into /usr; tar can be told not to. */
async function unpack(file: string, folder: string): Promise<void> {
  const reader = spawn('dpkg-deb', ['--fsys-tarfile', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const writer = spawn(
    'tar',
    ['--extract', '--same-permissions', '--no-same-owner', '--keep-directory-symlink', '--directory', folder],
    { stdio: [reader.stdout, 'ignore', 'pipe'] },
  )
  const ends = [reader, writer].map(async (child) => {
    const [said, [code]] = await Promise.all([
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ])
    if (code !== 0) throw new CommandFailed(`unpacking ${file}`, said.trim(), undefined)
  })
  // Only tar reads now: when it ends early, dpkg-deb must see that.
  reader.stdout.destroy()
  await Promise.all(ends)
}

/** What an image does not need of a package: manuals, translations, hooks of programs that are not there. */
const LEFT_OUT: readonly RegExp[] = [
  /^usr\/share\/(man|info|locale|lintian|bug|bash-completion|menu|pixmaps|applications|doc-base|gdb|zsh|fish)$/,
  /^usr\/(games|include|src|local|share\/(base-files|dict|gcc|misc))$/,
  /^usr\/lib\/[^/]+\/gconv$/,
  /^usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^etc\/(alternatives|apt|cron\..*|default|dpkg|init\.d|issue|issue\.net|logrotate\.d|profile\.d|skel|update-motd\.d)$/,
  /^(boot|home|media|mnt|opt|root|srv)$/,
  /^var\/(backups|cache|local|mail|opt|spool)$/,
]

/** Whether a path of an unpacked package belongs into an image; copyright files always do. */
function isWanted(path: string): boolean {
  return !LEFT_OUT.some((each) => each.test(path))
}

/**
 * The entries of an unpacked root file system without what no image needs, and with the bundle of
 * certificate authorities that ca-certificates' maintainer script would have made.
 * @param include narrows further
 */
export async function debianEntries(
  folder: string,
  include: (path: string) => boolean = () => true,
): Promise<readonly LayerEntry[]> {
  const entries = await entriesOfTree(folder, { include: (path) => isWanted(path) && include(path) })
  const authorities = await authorityBundle(folder)
  if (authorities === undefined) return entries
  const bundle: LayerEntry = {
    kind: 'file',
    path: 'etc/ssl/certs/ca-certificates.crt',
    content: authorities,
    mode: 0o644,
    ...ROOT_OWNER,
  }
  return [...entries, bundle]
}

async function authorityBundle(folder: string): Promise<string | undefined> {
  const place = join(folder, 'usr', 'share', 'ca-certificates', 'mozilla')
  const names = await readdir(place).catch(() => [])
  if (names.length === 0) return undefined
  const texts = await Promise.all(
    names.toSorted((one, other) => (one < other ? -1 : 1)).map((name) => readFile(join(place, name), 'utf8')),
  )
  return texts.map((each) => (each.endsWith('\n') ? each : `${each}\n`)).join('')
}

/**
 * One file for each package below var/lib/dpkg/status.d, where vulnerability scanners look in images that
 * have no package manager.
 */
export async function statusEntries(tree: Omit<RootTree, 'folder'>): Promise<readonly LayerEntry[]> {
  const files = await tree.apt.fetch(tree.packages)
  return Promise.all(
    tree.packages.map(async ({ name }, at): Promise<LayerEntry> => {
      const fields = await run('dpkg-deb', ['--field', files[at] ?? ''])
      return {
        kind: 'file',
        path: `var/lib/dpkg/status.d/${name}`,
        content: fields.replace(/\n/, '\nStatus: install ok installed\n'),
        mode: 0o644,
        ...ROOT_OWNER,
      }
    }),
  )
}
