import { codeOf, errorText, OperatorError } from '../../base/errors.ts'
import { type Backend, type BackendChoice, chooseBackend, readRules } from './backend.ts'
import { missingCapabilities } from './capabilities.ts'
import type { CommandRunner } from './command-runner.ts'
import type { HostFiles } from './host-files.ts'
import { type KubenetGuard, refuseKubenet } from './kubenet-guard.ts'
import { listenerAt, listeningSockets, whyPortIsTaken } from './listening-sockets.ts'
import { REDIRECT_CHAIN, type RedirectAddresses, targetAddress } from './rules.ts'
import type { SavedTables } from './saved-rules.ts'

export interface PreflightOptions {
  readonly run: CommandRunner
  readonly files: HostFiles
  readonly addresses: RedirectAddresses
  readonly backend: BackendChoice
  readonly kubenet: KubenetGuard
  /** The agent that listens and whose rules stand is one that is succeeded. */
  readonly succeeds?: boolean
}

export interface PreflightResult {
  readonly backend: Backend | undefined
  /** Each says what is wrong and what to do; the agent must not start while there is one. */
  readonly problems: readonly string[]
}

/** Looks at the node without changing it, and collects everything that is in the way. */
export async function preflight(options: PreflightOptions): Promise<PreflightResult> {
  const { files, run, addresses } = options
  const problems: string[] = []
  const note = (thrown: unknown): undefined => {
    if (!(thrown instanceof OperatorError)) throw thrown
    problems.push(thrown.message)
  }
  await refuseKubenet(options.kubenet, files).catch(note)
  const backend = await chooseBackend(run, options.backend).catch(note)
  problems.push(...(await capabilityProblems(files, backend)))
  if (options.succeeds === true) return { backend, problems }
  const port = await portProblem(addresses)
  if (port !== undefined) problems.push(port)
  if (backend !== undefined && problems.length === 0) {
    const other = await otherAgentProblem(options, backend)
    if (other !== undefined) problems.push(other)
  }
  return { backend, problems }
}

async function capabilityProblems(files: HostFiles, backend: Backend | undefined): Promise<string[]> {
  // The legacy tools open a raw socket, to look as well as to write; those over netlink do not.
  const legacy = backend?.kind === 'legacy' || (await hasLegacyTables(files))
  const needed = legacy ? (['NET_ADMIN', 'NET_RAW'] as const) : (['NET_ADMIN'] as const)
  const missing = await missingCapabilities(files, needed)
  if (missing.length === 0) return []
  const why = legacy
    ? 'reading and writing the iptables rules of this node, some of them legacy,'
    : 'writing iptables rules'
  return [
    `this process lacks ${missing.map((name) => `CAP_${name}`).join(' and ')}, which ${why} needs; add ${missing.join(', ')} to securityContext.capabilities of the node agent`,
  ]
}

/** Tables of the legacy kind in this network namespace: what is in them has a say, the chain of an old agent too. */
async function hasLegacyTables(files: HostFiles): Promise<boolean> {
  try {
    return (await files.read('/proc/net/ip_tables_names')).trim() !== ''
  } catch (thrown) {
    // The module was never loaded, or that is not ours to know.
    if (['ENOENT', 'EACCES', 'EPERM'].includes(codeOf(thrown) ?? '')) return false
    throw thrown
  }
}

async function portProblem(addresses: RedirectAddresses): Promise<string | undefined> {
  const { listenAddress, listenPort } = addresses
  const why = await whyPortIsTaken(listenAddress, listenPort)
  if (why === undefined) return undefined
  return `cannot listen on ${listenAddress}:${listenPort} (${why}); another node agent, or something else, has it: "ss -ltnp sport = :${listenPort}" on the node names it. Stop that, or choose another --nmi-port`
}

async function otherAgentProblem(options: PreflightOptions, backend: Backend): Promise<string | undefined> {
  const saved = await readRules(options.run, backend).catch((thrown: unknown) => {
    return new OperatorError(errorText(thrown), { cause: thrown })
  })
  if (saved instanceof OperatorError) return `the rules of this node cannot be read: ${saved.message}`
  return foreignRedirect(saved, options)
}

/** A redirect of another agent that is alive; one whose agent is gone is simply taken over. */
async function foreignRedirect(saved: SavedTables, options: PreflightOptions): Promise<string | undefined> {
  const { addresses, files } = options
  const ours = `${targetAddress(addresses.listenAddress)}:${addresses.listenPort}`
  for (const rule of saved.get('nat')?.get(REDIRECT_CHAIN) ?? []) {
    const target = rule[rule.indexOf('--to-destination') + 1]
    if (!rule.includes('--to-destination') || target === undefined || target === ours) continue
    const [address = '', port = ''] = target.split(':')
    const listener = listenerAt(await listeningSockets(files), address, Number(port))
    if (listener === undefined) continue
    return `chain ${REDIRECT_CHAIN} of this node leads to ${target}, where a process of user ${listener.uid} listens: another node agent (perhaps aad-pod-identity's nmi) runs here. Remove that installation first; then its rules are taken over`
  }
  return undefined
}
