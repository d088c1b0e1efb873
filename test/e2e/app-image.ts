/** Image of the test application: one static program. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder } from '../../scripts/image/cache-folder.ts'
import type { Clock } from '../../src/base/clock.ts'
import { go } from './cluster/binaries.ts'
import { programImage } from './cluster/images.ts'

export const APP_IMAGE = 'podid.test/app:1'

const SOURCE = join(import.meta.dirname, 'app')

/** Path of the archive, built when its source has changed. */
export async function appImage(clock: Clock): Promise<string> {
  const files = (await readdir(SOURCE)).toSorted()
  const sources = await Promise.all(files.map((file) => readFile(join(SOURCE, file))))
  const key = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16)
  const archive = cacheFolder('images', `app-${key}.tar`)
  if (existsSync(archive)) return archive
  const folder = await mkdtemp(join(tmpdir(), 'podid-app-'))
  try {
    const program = join(folder, 'app')
    await go(SOURCE, ['build', '-trimpath', '-ldflags', '-s -w', '-o', program, '.'], clock)
    await mkdir(join(archive, '..'), { recursive: true })
    await programImage({ name: APP_IMAGE, program, path: 'app', archive })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return archive
}
