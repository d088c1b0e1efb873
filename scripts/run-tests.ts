/**
 * `npm test [-- path ...]`: all tests in one process (no isolation: no module holds state), or those
 * below the given paths. `--coverage` adds the figure of the product's lines that they reach.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'

const DEFAULT_PLACES = ['src', 'emulator', 'scripts', 'test']

const argv = process.argv.slice(2)
const places = argv.filter((each) => !each.startsWith('--'))
const files = (places.length > 0 ? places : DEFAULT_PLACES).flatMap((place) =>
  place.endsWith('.test.ts') ? [place] : globSync(`${place}/**/*.test.ts`),
)
if (files.length === 0) {
  console.error(`no test below ${places.join(' ')}`)
  process.exit(1)
}
const coverage = [
  '--experimental-test-coverage',
  '--test-coverage-include=src/**',
  '--test-coverage-exclude=**/*.test.ts',
]
const run = spawn(
  process.execPath,
  [
    '--test',
    '--test-isolation=none',
    '--test-timeout=120000',
    '--test-reporter=./scripts/test-reporter.ts',
    ...(argv.includes('--coverage') ? coverage : []),
    ...files.sort(),
  ],
  { stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => run.kill('SIGKILL'))
run.on('exit', (code) => process.exit(code ?? 1))
