/** Runs the cases of the real clients in a cluster. */
import { errorText } from '../../../src/base/errors.ts'
import { type ClientCase, PHASES, type Phase } from './client-cases.ts'
import type { ClientCluster } from './client-cluster.ts'
import { readFacts } from './client-facts.ts'
import { problemsOf } from './client-judge.ts'
import { CLIENTS, type ClientName, PROGRAMS } from './client-programs.ts'

export interface CaseOutcome {
  readonly client: ClientName
  readonly case: string
  readonly column: string
  readonly versions: Readonly<Record<string, string>>
  /** Milliseconds that the longest call took. */
  readonly longestMs: number
  /** What is wrong, in words; empty when the case passed. */
  readonly problems: readonly string[]
}

export interface SuiteOptions {
  readonly clients?: readonly ClientName[]
  /** Names of cases; all unless told. */
  readonly cases?: readonly string[]
  readonly say: (line: string) => void
}

/** Runs everything; a case that fails holds up no other. */
export async function runClients(cluster: ClientCluster, options: SuiteOptions): Promise<CaseOutcome[]> {
  const { clients = CLIENTS, cases, say } = options
  const outcomes: CaseOutcome[] = []
  for (const phase of PHASES) {
    const runs = phase.cases
      .filter(({ name }) => cases === undefined || cases.includes(name))
      .flatMap((each) => clients.filter((client) => fits(client, each)).map((client) => ({ client, each })))
    if (runs.length === 0) continue
    say(`${phase.title}: ${runs.length} pods on ${cluster.place}`)
    await cluster.settings(phase.settings)
    const waiting = [...runs]
    const worker = async (): Promise<void> => {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        const outcome = await runCase(cluster, phase, run.client, run.each)
        say(lineOf(outcome))
        outcomes.push(outcome)
      }
    }
    await Promise.all(Array.from({ length: phase.parallel }, worker))
  }
  return outcomes
}

function fits(client: ClientName, { needsCredentials = false }: ClientCase): boolean {
  return PROGRAMS[client].credentials || !needsCredentials
}

async function runCase(
  cluster: ClientCluster,
  { deadlineMs }: Phase,
  client: ClientName,
  each: ClientCase,
): Promise<CaseOutcome> {
  const { name, column } = each
  const outcome = { client, case: name, column }
  const unique = `${client}-${name}`
  let said = ''
  try {
    const { args, expected } = await each.plan({ cluster, program: PROGRAMS[client], name: unique })
    const end = await cluster.run({ name: unique, client, selector: unique, args, deadlineMs })
    said = ` (${end.stderr.trim().slice(-500)})`
    const facts = readFacts(end.stdout)
    const problems = await problemsOf(facts, expected, (token) => cluster.claims(token))
    const longestMs = Math.max(0, ...facts.results.map(({ ms }) => ms))
    return { ...outcome, versions: facts.versions, longestMs, problems }
  } catch (thrown) {
    return { ...outcome, versions: {}, longestMs: 0, problems: [errorText(thrown) + said] }
  }
}

function lineOf({ client, case: name, longestMs, problems }: CaseOutcome): string {
  const head = `${problems.length === 0 ? 'ok  ' : 'FAIL'} ${client} ${name}, longest call ${longestMs} ms`
  return [head, ...problems.map((each) => `     ${each}`)].join('\n')
}
