/**
 * `npm test [-- path ...]`: all tests in one process (no isolation: no module holds state), or those
 * below the given paths. Tests of the whole system mostly wait for its processes, so they run beside the
 * others. `--coverage` measures the product's lines that the tests reach, without those of the whole system:
 * their components are processes of their own, which the measurement only slows down.
 */
import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const DEFAULT_PLACES = ['src', 'emulator', 'scripts', 'test']
const WHOLE_SYSTEM = /^test\/integration\/system-/

const COVERAGE = [
  '--experimental-test-coverage',
  '--test-coverage-include=src/**',
  '--test-coverage-exclude=**/*.test.ts',
]

interface Outcome {
  readonly code: number
  readonly output: string
}

/** Runs the files in one process; its output comes in one piece, so that two runs do not mix. */
async function run(files: readonly string[], flags: readonly string[]): Promise<Outcome> {
  const child = spawn(
    process.execPath,
    [
      '--test',
      '--test-isolation=none',
      '--test-timeout=120000',
      '--test-reporter=./scripts/test-reporter.ts',
      ...flags,
      ...files,
    ],
    { stdio: ['inherit', 'pipe', 'inherit'] },
  )
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGKILL'))
  const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)))
  const output = await text(child.stdout)
  return { code: await ended, output }
}

/** The closing line of each run, added up. */
function total(outcomes: readonly Outcome[]): string {
  const count = { passed: 0, failed: 0, skipped: 0 }
  for (const { output } of outcomes) {
    for (const name of ['passed', 'failed', 'skipped'] as const) {
      count[name] += Number(
        new RegExp(`(\\d+) ${name}`).exec(output.trimEnd().split('\n').at(-1) ?? '')?.[1] ?? 0,
      )
    }
  }
  return `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`
}

const argv = process.argv.slice(2)
const coverage = argv.includes('--coverage')
const places = argv.filter((each) => !each.startsWith('--'))
const files = (places.length > 0 ? places : DEFAULT_PLACES)
  .flatMap((place) => (place.endsWith('.test.ts') ? [place] : globSync(`${place}/**/*.test.ts`)))
  .sort()
if (files.length === 0) {
  console.error(`no test below ${places.join(' ')}`)
  process.exit(1)
}
const inProcess = files.filter((file) => !WHOLE_SYSTEM.test(file))
const groups = coverage ? [inProcess] : [inProcess, files.filter((file) => WHOLE_SYSTEM.test(file))]
const outcomes = await Promise.all(
  groups.filter((group) => group.length > 0).map((group) => run(group, coverage ? COVERAGE : [])),
)
for (const { output } of outcomes) process.stdout.write(output.trimEnd().replace(/\n?\n[^\n]*$/, ''))
console.log(`\n\n${total(outcomes)}`)
process.exit(outcomes.every(({ code }) => code === 0) ? 0 : 1)
