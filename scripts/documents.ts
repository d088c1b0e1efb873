/**
 * What is made from the code, so that it cannot disagree with it: docs/errors.md, docs/flags.md,
 * docs/metrics.md, the page of the chart's values, and the manifests of deploy/. `--check` compares instead of
 * writing.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { chartPage } from './documents/chart-page.ts'
import { errorsPage } from './documents/errors-page.ts'
import { flagsPage } from './documents/flags-page.ts'
import { manifests } from './documents/manifests.ts'
import { metricsPage } from './documents/metrics-page.ts'

const pages: Readonly<Record<string, string>> = {
  'docs/errors.md': errorsPage(),
  'docs/flags.md': flagsPage(),
  'docs/metrics.md': await metricsPage(),
  'charts/podid/README.md': chartPage(),
  ...(await manifests()),
}

const check = process.argv.includes('--check')
let stale = 0
for (const [file, page] of Object.entries(pages)) {
  if (!check) writeFileSync(file, page)
  else if (!existsSync(file) || readFileSync(file, 'utf8') !== page) {
    stale += 1
    console.error(`${file} is stale: node scripts/documents.ts`)
  }
}
process.exit(stale === 0 ? 0 : 1)
