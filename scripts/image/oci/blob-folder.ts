import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type LayerEntry, orderedEntries } from './layer-entry.ts'
import { tarBytes } from './tar-bytes.ts'

export type Compression = 'gzip' | 'none'

/** A pointer as image indexes and manifests hold it (OCI image specification, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string
  readonly size: number
}

export interface WrittenLayer {
  readonly descriptor: Descriptor
  /** Digest of the layer before it was compressed. */
  readonly diffId: string
  /** Bytes before compression. */
  readonly tarSize: number
}

const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  none: 'application/vnd.oci.image.layer.v1.tar',
}

/** Place of the byte that names the operating system in a gzip header, and its word for "unknown" (RFC 1952). */
const GZIP_SYSTEM_AT = 9
const GZIP_SYSTEM_UNKNOWN = 255

/** `blobs/sha256` of an OCI layout: files named by the digest of their bytes. */
export class BlobFolder {
  readonly #folder: string

  /** @param layout the layout's folder; `blobs/sha256` is made below it */
  constructor(layout: string) {
    this.#folder = join(layout, 'blobs', 'sha256')
  }

  async create(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
  }

  /** Writes a document as JSON, its members in the order in which they stand. */
  async addJson(mediaType: string, document: unknown): Promise<Descriptor> {
    const bytes = Buffer.from(JSON.stringify(document))
    const hex = createHash('sha256').update(bytes).digest('hex')
    await writeFile(join(this.#folder, hex), bytes, { mode: 0o644 })
    return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength }
  }

  /** Streams a layer to disk; nothing of the size of a file is held in memory. */
  async addLayer(entries: Iterable<LayerEntry>, compression: Compression): Promise<WrittenLayer> {
    const inside = new Measure()
    const outside = new Measure()
    const unfinished = join(this.#folder, `unfinished-${randomUUID()}`)
    const bytes = tarBytes(orderedEntries(entries))
    try {
      const file = createWriteStream(unfinished, { mode: 0o644 })
      await (compression === 'none'
        ? pipeline(bytes, inside.pass, outside.pass, file)
        : pipeline(bytes, inside.pass, gzip(), sameHeader, outside.pass, file))
      const digest = outside.digest()
      await rename(unfinished, join(this.#folder, digest.slice('sha256:'.length)))
      return {
        descriptor: { mediaType: LAYER_TYPES[compression], digest, size: outside.size },
        diffId: inside.digest(),
        tarSize: inside.size,
      }
    } finally {
      await rm(unfinished, { force: true })
    }
  }
}

/** The level is fixed, so are the bytes: of one build of zlib. */
function gzip(): ReturnType<typeof createGzip> {
  return createGzip({ level: 9, chunkSize: 256 * 1024 })
}

/** zlib writes no time and no name into the header, but the system it runs on; that becomes "unknown". */
async function* sameHeader(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let position = 0
  for await (const chunk of source) {
    const at = GZIP_SYSTEM_AT - position
    if (at >= 0 && at < chunk.byteLength) chunk[at] = GZIP_SYSTEM_UNKNOWN
    position += chunk.byteLength
    yield chunk
  }
}

/** Size and digest of what flows through. */
class Measure {
  readonly #hash = createHash('sha256')
  size = 0

  readonly pass = async function* (this: Measure, source: AsyncIterable<Buffer> | Readable) {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      this.#hash.update(chunk)
      this.size += chunk.byteLength
      yield chunk
    }
  }.bind(this)

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`
  }
}
