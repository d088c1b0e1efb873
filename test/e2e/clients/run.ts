/**
 * `node test/e2e/clients/run.ts [--clients=go,java] [--cases=late,wrong] [--verbose]`: the suite of real clients
 * on a node of network namespaces, as root.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../../../src/base/clock.ts'
import { clientImage, unpackImage } from './client-image.ts'
import { CLIENTS } from './client-programs.ts'
import { runClients } from './client-suite.ts'
import { startSandboxCluster } from './sandbox-cluster.ts'

const { values } = parseArgs({
  options: { clients: { type: 'string' }, cases: { type: 'string' }, verbose: { type: 'boolean' } },
})
const say = (line: string): void => void process.stdout.write(`${line}\n`)
const asked = values.clients?.split(',')
const clients = CLIENTS.filter((each) => asked === undefined || asked.includes(each))
const roots = await mkdtemp(join(tmpdir(), 'podid-client-roots-'))
for (const client of clients) {
  const image = await clientImage(client, { clock: systemClock, say })
  await unpackImage(image, join(roots, client), systemClock)
}
const cluster = await startSandboxCluster({
  root: (client) => join(roots, client),
  ...(values.verbose === true ? { onLine: (name, line) => say(`${name}| ${line}`) } : {}),
})
try {
  const cases = values.cases?.split(',')
  const outcomes = await runClients(cluster, { clients, say, ...(cases === undefined ? {} : { cases }) })
  const { violations } = cluster.azure.journal
  for (const each of violations) say(`violation: ${JSON.stringify(each)}`)
  const failed = outcomes.filter(({ problems }) => problems.length > 0).length
  say(`${outcomes.length - failed} passed, ${failed} failed`)
  process.exitCode = failed + violations.length === 0 ? 0 : 1
} finally {
  await cluster.close()
  await rm(roots, { recursive: true })
}
