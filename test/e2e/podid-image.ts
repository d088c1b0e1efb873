/** The image under test. */
import { join } from 'node:path'
import { runProcess } from '../../emulator/node/process.ts'
import type { Clock } from '../../src/base/clock.ts'
import { systemPath } from './cluster/probe.ts'

export const PODID_IMAGE = 'podid.test/podid:0.1.0'

const ROOT = join(import.meta.dirname, '..', '..')
const BUILD_DEADLINE_MS = 10 * 60_000

/** Path of the archive: PODID_E2E_IMAGE, or what `npm run image` makes of the checkout. */
export async function podidImage(clock: Clock, say: (line: string) => void): Promise<string> {
  const given = process.env['PODID_E2E_IMAGE']
  if (given !== undefined) return given
  say('building the image of podid')
  await runProcess(['npm', 'run', 'image'], clock, {
    cwd: ROOT,
    env: systemPath(),
    deadlineMs: BUILD_DEADLINE_MS,
  })
  return join(ROOT, 'dist', 'podid-image.tar')
}
