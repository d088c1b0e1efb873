import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { cacheFolder } from '../cache-folder.ts'
import { run } from '../command.ts'
import type { Architecture } from '../oci/image-layout.ts'
import type { LayerEntry } from '../oci/layer-entry.ts'
import { ROOT_OWNER } from '../oci/layer-entry.ts'
import type { ImageLock } from './lock-file.ts'

/** Node as npm carries it is not the one that the lock file names. */
export class NodeBinaryError extends Error {}

const NODE_PATH = 'usr/bin/node'

/**
 * Node and its licences. The binary is the published one to the byte, not stripped: 5 MB less would cost
 * the readable stacks of a crash, and everybody's means to compare it with what was published.
 * @throws NodeBinaryError, CommandFailed
 */
export async function nodeEntries(
  architecture: Architecture,
  lock: ImageLock,
): Promise<readonly LayerEntry[]> {
  const folder = await fetchNode(architecture, lock)
  return [
    {
      kind: 'file',
      path: NODE_PATH,
      content: { file: join(folder, 'bin', 'node') },
      mode: 0o755,
      ...ROOT_OWNER,
    },
    {
      kind: 'file',
      path: 'licenses/node/LICENSE',
      content: { file: join(folder, 'LICENSE') },
      mode: 0o644,
      ...ROOT_OWNER,
    },
  ]
}

/** The unpacked npm package, from the cache when it is there. */
async function fetchNode(architecture: Architecture, lock: ImageLock): Promise<string> {
  const { version } = lock.node
  const { package: name, integrity } = lock.node[architecture]
  const kept = cacheFolder('node', `${name}-${version}-${integrity.slice(7, 23).replaceAll(/\W/g, '-')}`)
  if (existsSync(kept)) return join(kept, 'package')
  const fresh = cacheFolder('node', `fresh-${randomUUID()}`)
  await mkdir(fresh, { recursive: true })
  try {
    await run('npm', ['pack', '--loglevel=error', '--pack-destination', fresh, `${name}@${version}`], {
      cwd: fresh,
    })
    const [archive = ''] = await readdir(fresh)
    const file = join(fresh, archive)
    const found = createHash('sha512')
    await pipeline(createReadStream(file), found)
    const digest = `sha512-${found.digest('base64')}`
    if (digest !== integrity) {
      throw new NodeBinaryError(
        `${name} ${version} from the registry has ${digest}, the lock file says ${integrity}`,
      )
    }
    await run('tar', [
      '--extract',
      '--gzip',
      '--no-same-owner',
      `--file=${file}`,
      `--directory=${fresh}`,
      'package/bin/node',
      'package/LICENSE',
    ])
    await rm(file)
    await rename(fresh, kept)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return join(kept, 'package')
}
