import { OperatorError } from '../../base/errors.ts'
import { CommandError, type CommandRunner } from './command-runner.ts'
import { isRelevantLine, parseSavedRules, type SavedTables } from './saved-rules.ts'

export type BackendKind = 'nft' | 'legacy'

/** One of the two iptables that a node may have; rules in the one are invisible to the other. */
export interface Backend {
  readonly kind: BackendKind
  readonly saveProgram: string
  readonly restoreProgram: string
}

/** Which one the operator wants; `auto` goes by where the node's other rules are. */
export type BackendChoice = 'auto' | BackendKind

/** Chains that kubelet and kube-proxy make under the backend that they use. */
const HINT = /^:(?:KUBE-IPTABLES-HINT|KUBE-KUBELET-CANARY|KUBE-PROXY-CANARY) /

const LOCK_WAIT_SECONDS = 5

/** The backends whose programs are installed. */
export async function installedBackends(run: CommandRunner): Promise<Backend[]> {
  const named = [backend('nft', 'iptables-nft'), backend('legacy', 'iptables-legacy')]
  const versions = await Promise.all(named.map((each) => versionOf(run, each.restoreProgram)))
  const found = named.filter((_, at) => versions[at] !== undefined)
  if (found.length > 0) return found
  const plain = await versionOf(run, 'iptables-restore')
  if (plain === undefined) return []
  // Before 1.8 there was only one kind, and it did not say its name.
  return [backend(plain.includes('nf_tables') ? 'nft' : 'legacy', 'iptables')]
}

/**
 * Chooses where to write. With both installed: where kubelet or kube-proxy left their mark, else where
 * more rules stand, else nft. Looking does not load the legacy tables of a node that has none.
 * @throws OperatorError when the wanted one, or any, is not installed.
 */
export async function chooseBackend(run: CommandRunner, choice: BackendChoice): Promise<Backend> {
  const installed = await installedBackends(run)
  const wanted = installed.filter((each) => choice === 'auto' || each.kind === choice)
  const [first, second] = wanted
  if (first === undefined) {
    const what = choice === 'auto' ? 'iptables' : `iptables-${choice}`
    throw new OperatorError(`${what} is not installed here; the image of the node agent must contain it`)
  }
  if (second === undefined) return first
  const [scoreFirst, scoreSecond] = await Promise.all([scoreOf(run, first), scoreOf(run, second)])
  return scoreSecond > scoreFirst ? second : first
}

async function scoreOf(run: CommandRunner, candidate: Backend): Promise<number> {
  let rules = 0
  let hinted = false
  const keepLine = (line: string): boolean => {
    if (line.startsWith('-A ')) rules += 1
    hinted ||= HINT.test(line)
    return false
  }
  const { code } = await run({ file: candidate.saveProgram, args: [], keepLine })
  // A kernel without this backend's modules has no rules in it.
  if (code !== 0) return -1
  return hinted ? Number.MAX_SAFE_INTEGER : rules
}

/** The part of a backend's rules that concerns us. @throws Error with what the program said. */
export async function readRules(
  run: CommandRunner,
  from: Backend,
  signal?: AbortSignal,
): Promise<SavedTables> {
  const result = await run({ file: from.saveProgram, args: [], keepLine: isRelevantLine, signal })
  if (result.code !== 0) throw new Error(`${from.saveProgram}: ${result.stderr || `status ${result.code}`}`)
  return parseSavedRules(result.lines)
}

export function restoreArguments(): string[] {
  return ['--noflush', `--wait=${LOCK_WAIT_SECONDS}`]
}

/** Applies lines of iptables-restore, all of a table or nothing. @throws Error with what the program said. */
export async function writeRules(
  run: CommandRunner,
  to: Backend,
  input: string,
  signal?: AbortSignal,
): Promise<void> {
  const result = await run({ file: to.restoreProgram, args: restoreArguments(), stdin: input, signal })
  if (result.code !== 0) throw new Error(`${to.restoreProgram}: ${result.stderr || `status ${result.code}`}`)
}

function backend(kind: BackendKind, prefix: string): Backend {
  return { kind, saveProgram: `${prefix}-save`, restoreProgram: `${prefix}-restore` }
}

/** What `--version` prints; undefined when the program is not installed. */
async function versionOf(run: CommandRunner, file: string): Promise<string | undefined> {
  try {
    const { lines } = await run({ file, args: ['--version'] })
    return lines.join(' ')
  } catch (thrown) {
    if (thrown instanceof CommandError && thrown.missing) return undefined
    throw thrown
  }
}
