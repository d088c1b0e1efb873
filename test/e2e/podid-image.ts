/** The image under test. */
import { join } from 'node:path'
import { runProcess } from '../../emulator/node/process.ts'
import packageJson from '../../package.json' with { type: 'json' }
import type { Clock } from '../../src/base/clock.ts'
import { ownEnvironment } from './cluster/own-environment.ts'

export const PODID_IMAGE = `podid.test/podid:${packageJson.version}`

const ROOT = join(import.meta.dirname, '..', '..')
const BUILD_DEADLINE_MS = 10 * 60_000

/** Path of the archive: PODID_E2E_IMAGE, or what `npm run image` makes of the checkout for this machine. */
export async function podidImage(clock: Clock, say: (line: string) => void): Promise<string> {
  const given = process.env['PODID_E2E_IMAGE']
  if (given !== undefined) return given
  say('building the image of podid')
  const out = join(ROOT, 'build', 'e2e')
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const flags = [`--name=${PODID_IMAGE}`, `--architecture=${architecture}`, `--out=${out}`]
  await runProcess([process.execPath, join(ROOT, 'scripts', 'image.ts'), ...flags], clock, {
    cwd: ROOT,
    env: ownEnvironment(),
    deadlineMs: BUILD_DEADLINE_MS,
  })
  return join(out, `podid-${packageJson.version}.oci.tar`)
}
