import { errorText, OperatorError } from '../../base/errors.ts'
import { type Backend, readRules, restoreArguments } from './backend.ts'
import type { CommandRunner } from './command-runner.ts'
import { canCutConnections, cutArguments } from './connections.ts'
import type { HostFiles } from './host-files.ts'
import { repairInput } from './plan.ts'
import { type PreflightOptions, preflight } from './preflight.ts'
import { ROUTE_LOCALNET, routeLocalnetIsOn } from './route-localnet.ts'
import { isLoopback, targetAddress, type WantedChain } from './rules.ts'

export interface PlanOptions {
  readonly config: Omit<PreflightOptions, 'run' | 'files'> & { readonly cutConnections: 'off' | 'try' }
  readonly run: CommandRunner
  readonly files: HostFiles
  readonly wanted: readonly WantedChain[]
}

/** What the start of the agent would change on this node, for a person to read. Changes nothing. */
export async function describePlan(options: PlanOptions): Promise<string> {
  const { config, run, files } = options
  const found = await preflight({ ...config, run, files })
  const lines: string[] = []
  for (const problem of found.problems) lines.push(`would refuse to start: ${problem}`)
  if (found.backend !== undefined) lines.push(...(await rulesPlan(options, found.backend)))
  lines.push(...(await localnetPlan(options)), ...(await connectionsPlan(options)))
  return `${lines.join('\n')}\n`
}

async function rulesPlan(options: PlanOptions, backend: Backend): Promise<string[]> {
  const lines = [`iptables backend: ${backend.kind} (${backend.restoreProgram})`]
  try {
    const input = repairInput(options.wanted, await readRules(options.run, backend))
    if (input === undefined) return [...lines, 'rules: already as wanted']
    const command = [backend.restoreProgram, ...restoreArguments()].join(' ')
    return [...lines, `would run ${command} with:`, ...input.trimEnd().split('\n').map(indent)]
  } catch (thrown) {
    return [...lines, `rules cannot be read: ${errorText(thrown)}`]
  }
}

async function localnetPlan({ config, files }: PlanOptions): Promise<string[]> {
  try {
    if (!isLoopback(targetAddress(config.addresses.listenAddress))) return []
    return (await routeLocalnetIsOn(files)) ? [] : [`would write 1 to ${ROUTE_LOCALNET}`]
  } catch (thrown) {
    if (thrown instanceof OperatorError) return [thrown.message]
    return [`${ROUTE_LOCALNET} cannot be read: ${errorText(thrown)}`]
  }
}

async function connectionsPlan({ config, run }: PlanOptions): Promise<string[]> {
  if (config.cutConnections === 'off') return []
  if (!(await canCutConnections(run))) return ['conntrack is not installed: older connections would stay']
  const { metadataIp, metadataPort } = config.addresses
  return [`would run conntrack ${cutArguments(metadataIp, metadataPort).join(' ')}`]
}

function indent(line: string): string {
  return `  ${line}`
}
