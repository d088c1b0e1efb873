/**
 * `node test/e2e/clients/pin-python.ts python|az`: writes requirements.txt, all packages with version and hash,
 * from requirements.in. Run it after a change of requirements.in, with the network.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { runProcess } from '../../../emulator/node/process.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { ownEnvironment } from '../cluster/own-environment.ts'

const report = v.object({
  install: v.array(
    v.object({
      metadata: v.object({ name: v.string(), version: v.string() }),
      download_info: v.object({ archive_info: v.object({ hashes: v.object({ sha256: v.string() }) }) }),
    }),
  ),
})

const client = process.argv[2] ?? ''
const folder = join(import.meta.dirname, client)
const scratch = await mkdtemp(join(tmpdir(), 'podid-pin-'))
try {
  const file = join(scratch, 'report.json')
  await runProcess(
    [
      'python3',
      '-m',
      'pip',
      'install',
      '--quiet',
      '--dry-run',
      '--ignore-installed',
      '--only-binary=:all:',
      `--report=${file}`,
      `--requirement=${join(folder, 'requirements.in')}`,
    ],
    systemClock,
    { env: ownEnvironment(), deadlineMs: 300_000 },
  )
  const { install } = v.parse(report, JSON.parse(await readFile(file, 'utf8')))
  const lines = install
    .map(({ metadata, download_info: { archive_info } }) => {
      return `${metadata.name}==${metadata.version} --hash=sha256:${archive_info.hashes.sha256}`
    })
    .sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  const head = `# Made by pin-python.ts from requirements.in: wheels for CPython 3.11 on 64-bit x86.\n`
  await writeFile(join(folder, 'requirements.txt'), `${head}${lines.join('\n')}\n`)
} finally {
  await rm(scratch, { recursive: true })
}
