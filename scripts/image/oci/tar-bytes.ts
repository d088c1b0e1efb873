import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type Header, type Pack, pack } from 'tar-stream'
import { type FileEntry, type LayerEntry, LayerEntryError } from './layer-entry.ts'

/** Larger files are streamed; up to this size one read is faster than a stream. */
const ONE_READ_BYTES = 256 * 1024
/** What the size field of a tar header holds in octal; no file of an image comes near. */
const MAX_FILE_BYTES = 8 * 1024 ** 3 - 1
/** No time stands in a layer: the same content gives the same bytes. */
const NO_TIME = new Date(0)

/** What every entry says of itself. */
type EntryHeader = Partial<Header> & Pick<Header, 'name' | 'mode' | 'uid' | 'gid' | 'mtime' | 'type'>

/**
 * The tar archive of `entries`, as a stream that never holds a large file in memory. The same entries in the
 * same order give the same bytes: modification time 0, owners as numbers without names. Paths that
 * the header of ustar cannot hold go into PAX records.
 * @param entries ordered and checked, as `orderedEntries` gives them
 * Errors of reading a file, or a file that changes its size meanwhile, destroy the stream.
 */
export function tarBytes(entries: readonly LayerEntry[]): Readable {
  const archive = pack()
  void feed(archive, entries)
  return Readable.from(archive, { objectMode: false })
}

async function feed(archive: Pack, entries: readonly LayerEntry[]): Promise<void> {
  try {
    for (const entry of entries) await write(archive, entry)
    archive.finalize()
  } catch (thrown) {
    // The reader of the archive gets it: it ends there.
    archive.destroy(thrown instanceof Error ? thrown : new Error('tar', { cause: thrown }))
  }
}

async function write(archive: Pack, entry: LayerEntry): Promise<void> {
  const header = { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtime: NO_TIME }
  switch (entry.kind) {
    case 'directory':
      return writeWhole(archive, { ...header, name: `${entry.path}/`, type: 'directory' })
    case 'symlink':
      return writeWhole(archive, { ...header, name: entry.path, type: 'symlink', linkname: entry.target })
    case 'hardlink':
      return writeWhole(archive, { ...header, name: entry.path, type: 'link', linkname: entry.target })
    case 'file':
      return writeFile(archive, entry, { ...header, name: entry.path, type: 'file' })
  }
}

async function writeFile(archive: Pack, { path, content }: FileEntry, header: EntryHeader): Promise<void> {
  if (typeof content === 'string') return writeWhole(archive, header, Buffer.from(content))
  if (content instanceof Uint8Array) return writeWhole(archive, header, Buffer.from(content))
  const { size } = await stat(content.file)
  if (size > MAX_FILE_BYTES) throw new LayerEntryError(`${path}: too large, ${size} bytes`)
  if (size <= ONE_READ_BYTES) return writeWhole(archive, header, await readFile(content.file))
  const source = createReadStream(content.file, { highWaterMark: ONE_READ_BYTES })
  try {
    await new Promise<void>((resolve, reject) => {
      const sink = archive.entry({ ...header, size }, settle(resolve, reject))
      source.on('error', reject)
      source.pipe(sink)
    })
  } finally {
    source.destroy()
  }
}

function writeWhole(archive: Pack, header: EntryHeader, content?: Buffer): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (content === undefined) archive.entry(header, settle(resolve, reject))
    else archive.entry({ ...header, size: content.byteLength }, content, settle(resolve, reject))
  })
}

function settle(resolve: () => void, reject: (error: Error) => void): (error?: Error | null) => void {
  return (error) => {
    if (error) reject(error)
    else resolve()
  }
}
