/**
 * Writes THIRD-PARTY-LICENSES.md from package-lock.json (`--check`: compares), and fails on a licence
 * that is not on the list.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const ALLOWED = new Set([
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Python-2.0',
  'PSF-2.0',
  'MIT-0',
  'Unlicense',
])

/** Packages whose expression needs a decision. */
const DECIDED: Readonly<Record<string, string>> = {
  'node-forge': 'BSD-3-Clause (chosen of BSD-3-Clause OR GPL-2.0)',
  '@bufbuild/protobuf': 'Apache-2.0 AND BSD-3-Clause',
}

interface LockEntry {
  readonly version?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
}

const FILE = 'THIRD-PARTY-LICENSES.md'

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockEntry> }
const rows: string[] = []
const refused: string[] = []
for (const [path, entry] of Object.entries(lock.packages)) {
  const name = path.split('node_modules/').at(-1) ?? ''
  if (name === '' || entry.dev === true) continue
  const licence = DECIDED[name] ?? entry.license ?? 'unknown'
  if (DECIDED[name] === undefined && !ALLOWED.has(licence)) refused.push(`${name} ${licence}`)
  rows.push(`| ${name} | ${entry.version ?? ''} | ${licence} |`)
}
const page = `# Third-party licences

Every package that \`npm ci --omit=dev\` installs, read from the lock file. Made by \`node scripts/licences.ts\`.

| package | version | licence |
| --- | --- | --- |
${[...new Set(rows)].sort().join('\n')}
`

if (refused.length > 0) console.error(`not on the list of allowed licences: ${refused.join(', ')}`)
if (process.argv.includes('--check')) {
  const stale = readFileSync(FILE, 'utf8') !== page
  if (stale) console.error(`${FILE} is stale: node scripts/licences.ts`)
  process.exit(refused.length > 0 || stale ? 1 : 0)
}
writeFileSync(FILE, page)
process.exit(refused.length > 0 ? 1 : 0)
