/**
 * The pages that are made from the code, so that they cannot disagree with it: docs/errors.md,
 * docs/flags.md and docs/metrics.md. `--check` compares instead of writing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { errorsPage } from './documents/errors-page.ts'
import { flagsPage } from './documents/flags-page.ts'
import { metricsPage } from './documents/metrics-page.ts'

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/errors.md': errorsPage,
  'docs/flags.md': flagsPage,
  'docs/metrics.md': metricsPage,
}

const check = process.argv.includes('--check')
let stale = 0
for (const [file, make] of Object.entries(PAGES)) {
  const page = await make()
  if (!check) writeFileSync(file, page)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
    stale += 1
    console.error(`${file} is stale: node scripts/documents.ts`)
  }
}
process.exit(stale === 0 ? 0 : 1)
