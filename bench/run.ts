/** `npm run bench [-- --short] [-- --json] [-- name ...]`: the figures, as ratios within this one run. */

import { agentMemory } from './agent-memory.ts'
import { assignmentLatency } from './assignment-latency.ts'
import { cachedRequests } from './cached-requests.ts'
import { controllerScale } from './controller-scale.ts'
import type { Figure, Row } from './figure.ts'
import { keyvaultMemory } from './keyvault-memory.ts'
import { keyvaultMounts } from './keyvault-mounts.ts'
import { keyvaultPolls } from './keyvault-polls.ts'
import { lateIdentity } from './late-identity.ts'
import { simulatedDay } from './simulated-day.ts'
import { uncachedLatency } from './uncached-latency.ts'

const FIGURES: Readonly<Record<string, Figure>> = {
  'cached-requests': cachedRequests,
  'uncached-latency': uncachedLatency,
  'assignment-latency': assignmentLatency,
  'agent-memory': agentMemory,
  'controller-scale': controllerScale,
  'late-identity': lateIdentity,
  'simulated-day': simulatedDay,
  'keyvault-mounts': keyvaultMounts,
  'keyvault-polls': keyvaultPolls,
  'keyvault-memory': keyvaultMemory,
}

const argv = process.argv.slice(2)
const short = argv.includes('--short')
const json = argv.includes('--json')
const wanted = argv.filter((each) => !each.startsWith('--'))
const names = wanted.length > 0 ? wanted : Object.keys(FIGURES)

const rows: Row[] = []
let failed = 0
for (const name of names) {
  const figure = FIGURES[name]
  if (figure === undefined) {
    console.error(`no figure ${name}: ${Object.keys(FIGURES).join(', ')}`)
    process.exit(2)
  }
  if (!json) console.error(`measuring ${name} ...`)
  try {
    rows.push(...(await figure({ short })))
  } catch (thrown) {
    // The others are still worth their time; the exit code tells.
    failed += 1
    console.error(`${name} could not be measured:`, thrown)
  }
}

if (json) console.log(JSON.stringify(rows, undefined, 2))
else {
  console.log('| figure | measured | aim | reached |\n| --- | --- | --- | --- |')
  for (const row of rows)
    console.log(`| ${row.figure} | ${row.measured} | ${row.aim} | ${row.reached ? 'yes' : 'NO'} |`)
}
// A missed aim is a result, not an error.
process.exit(failed > 0 ? 1 : 0)
