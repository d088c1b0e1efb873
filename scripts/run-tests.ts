/**
 * `npm test [-- path ...]`: all tests in one process (no isolation: no module holds state), or those
 * below the given paths.
 */
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'

const DEFAULT_PLACES = ['src', 'emulator', 'scripts', 'test']

const places = process.argv.slice(2)
const files = (places.length > 0 ? places : DEFAULT_PLACES).flatMap((place) =>
  place.endsWith('.test.ts') ? [place] : globSync(`${place}/**/*.test.ts`),
)
if (files.length === 0) {
  console.error(`no test below ${places.join(' ')}`)
  process.exit(1)
}
const run = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-isolation=none',
    '--test-timeout=60000',
    '--test-reporter=./scripts/test-reporter.ts',
    ...files.filter((file) => !file.includes('/fixtures/')).sort(),
  ],
  { stdio: 'inherit' },
)
process.exit(run.status ?? 1)
