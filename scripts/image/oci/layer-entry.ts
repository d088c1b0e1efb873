/** What a layer is made of: entries that say everything a tar header holds, checked before they are written. */

/** Numeric owner: an image carries ids, never names of this machine's accounts. */
export interface EntryOwner {
  readonly uid: number
  readonly gid: number
}

export const ROOT_OWNER: EntryOwner = { uid: 0, gid: 0 }

interface EntryBase extends EntryOwner {
  /** Relative to the image's root, with `/` between names: `usr/bin/node`. */
  readonly path: string
  /** Permission bits, 1 to 0o7777. */
  readonly mode: number
}

export interface DirectoryEntry extends EntryBase {
  readonly kind: 'directory'
}

export interface FileEntry extends EntryBase {
  readonly kind: 'file'
  /** The bytes themselves, or a file on disk that is streamed when the layer is written. */
  readonly content: string | Uint8Array | { readonly file: string }
}

export interface SymlinkEntry extends EntryBase {
  readonly kind: 'symlink'
  /** As the link says it: absolute in the image, or relative to the link's folder. */
  readonly target: string
}

export interface HardLinkEntry extends EntryBase {
  readonly kind: 'hardlink'
  /** Path of a file of the same layer that stands before this one in the order of names. */
  readonly target: string
}

export type LayerEntry = DirectoryEntry | FileEntry | SymlinkEntry | HardLinkEntry

/** An entry that no layer may hold. */
export class LayerEntryError extends Error {}

/** PATH_MAX of Linux without its closing zero. */
const MAX_PATH_BYTES = 4_095
/** NAME_MAX of Linux. */
const MAX_NAME_BYTES = 255
/** A bound, not a wish: an image of the whole Azure CLI has about 40 000. */
const MAX_ENTRIES = 500_000
/** Two more octal digits than any account of a distribution, and what the seven digits of ustar hold. */
const MAX_OWNER_ID = 0o7777777

/**
 * The entries in the order of their names, with the folders that are only implied (mode 0755, root).
 * An implied folder hides a symbolic link of a lower layer at the same path: where the base has
 * `lib -> usr/lib`, write to `usr/lib`.
 * @throws LayerEntryError for a path, mode, owner or link that no layer may hold, and for doubles.
 */
export function orderedEntries(entries: Iterable<LayerEntry>): readonly LayerEntry[] {
  const byPath = new Map<string, LayerEntry>()
  for (const entry of entries) {
    refuseEntry(entry)
    if (byPath.has(entry.path)) throw new LayerEntryError(`two entries for ${entry.path}`)
    byPath.set(entry.path, entry)
    if (byPath.size > MAX_ENTRIES) throw new LayerEntryError(`more than ${MAX_ENTRIES} entries`)
  }
  for (const path of byPath.keys()) addParents(path, byPath)
  const ordered = [...byPath.values()].sort((one, other) => (one.path < other.path ? -1 : 1))
  for (const entry of ordered) if (entry.kind === 'hardlink') refuseHardLink(entry, byPath)
  return ordered
}

function addParents(path: string, byPath: Map<string, LayerEntry>): void {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const parent = path.slice(0, at)
    const known = byPath.get(parent)
    if (known !== undefined && known.kind !== 'directory') {
      throw new LayerEntryError(`${path} lies below ${parent}, which is a ${known.kind}`)
    }
    if (known === undefined) {
      byPath.set(parent, { kind: 'directory', path: parent, mode: 0o755, ...ROOT_OWNER })
    }
  }
}

function refuseEntry(entry: LayerEntry): void {
  refusePath(entry.path)
  for (const [name, id] of [
    ['user', entry.uid],
    ['group', entry.gid],
  ] as const) {
    if (!Number.isInteger(id) || id < 0 || id > MAX_OWNER_ID) {
      throw new LayerEntryError(`${entry.path}: no ${name} id: ${id}`)
    }
  }
  // The tar library takes mode 0 for "not given", so it cannot be written.
  if (!Number.isInteger(entry.mode) || entry.mode < 1 || entry.mode > 0o7777) {
    throw new LayerEntryError(`${entry.path}: no mode of a file: ${entry.mode}`)
  }
  if (entry.kind === 'symlink') {
    const bytes = Buffer.byteLength(entry.target)
    if (bytes < 1 || bytes > MAX_PATH_BYTES || hasControl(entry.target)) {
      throw new LayerEntryError(`${entry.path}: no target of a link`)
    }
  }
}

function refusePath(path: string): void {
  const names = path.split('/')
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw new LayerEntryError(`path too long: ${path.slice(0, 80)}...`)
  if (hasControl(path)) throw new LayerEntryError(`control character in the path ${JSON.stringify(path)}`)
  if (Buffer.from(path).toString() !== path) throw new LayerEntryError(`no Unicode: ${JSON.stringify(path)}`)
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') {
      throw new LayerEntryError(`not a plain path below the root: ${JSON.stringify(path)}`)
    }
    // What begins so deletes a file of a lower layer (OCI image specification, "Whiteouts").
    if (name.startsWith('.wh.')) throw new LayerEntryError(`a whiteout, not a file: ${path}`)
    if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
      throw new LayerEntryError(`name too long in ${path.slice(0, 80)}...`)
    }
  }
}

function refuseHardLink(entry: HardLinkEntry, byPath: ReadonlyMap<string, LayerEntry>): void {
  if (byPath.get(entry.target)?.kind !== 'file' || entry.target > entry.path) {
    throw new LayerEntryError(`${entry.path}: ${entry.target} is no file that stands before it`)
  }
}

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
