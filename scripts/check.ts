/** `npm run check`: everything that is checked without running the product. Closes with a count. */
import { spawnSync } from 'node:child_process'
import { findViolations } from './boundaries.ts'

interface Check {
  readonly name: string
  readonly run: () => boolean
}

const command = (name: string, ...argv: [string, ...string[]]): Check => ({
  name,
  run: () => spawnSync(argv[0], argv.slice(1), { stdio: 'inherit' }).status === 0,
})

const CHECKS: readonly Check[] = [
  command('format', 'biome', 'check', '.'),
  command('types', 'tsc', '-p', '.'),
  command('lint', 'oxlint', '--deny-warnings'),
  {
    name: 'boundaries',
    run() {
      const { files, imports, violations } = findViolations(process.cwd())
      for (const each of violations) console.error(`${each.file} imports ${each.imports}: ${each.rule}`)
      console.log(`${imports} imports of ${files} files`)
      return violations.length === 0 && imports > 0
    },
  },
  command('dead code', 'knip'),
  command('licences', 'node', 'scripts/licences.ts', '--check'),
  command('gRPC messages', 'node', 'scripts/generate-grpc.ts', '--check'),
  command('documents', 'node', 'scripts/documents.ts', '--check'),
]

let failed = 0
for (const check of CHECKS) {
  const ok = check.run()
  if (!ok) failed += 1
  console.log(`${ok ? 'ok' : 'FAILED'}: ${check.name}`)
}
console.log(`\n${CHECKS.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
