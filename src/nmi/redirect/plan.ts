import { HOOK, jumpTo, leadsTo, OWN_CHAINS, type Rule, type WantedChain } from './rules.ts'
import { ruleText, type SavedTables } from './saved-rules.ts'

/** Why a chain is not as it should be; also the label of the repair counter. */
export type Fault = 'chain_missing' | 'chain_changed' | 'jump_missing' | 'jump_doubled' | 'jump_not_first'

/** What is wrong with the saved rules, for one chain; empty when all is well. */
export function faultsOf(wanted: WantedChain, saved: SavedTables): Fault[] {
  const table = saved.get(wanted.table)
  const chain = table?.get(wanted.name)
  const faults: Fault[] = []
  if (chain === undefined) faults.push('chain_missing')
  else if (!sameRules(chain, wanted.rules)) faults.push('chain_changed')
  const hook = table?.get(HOOK) ?? []
  const jumps = hook.filter((rule) => leadsTo(rule, wanted.name))
  if (jumps.length === 0) faults.push('jump_missing')
  else if (jumps.length > 1) faults.push('jump_doubled')
  else if (!sameRule(hook[0], jumpTo(wanted.name))) faults.push('jump_not_first')
  return faults
}

/**
 * Input of `iptables-restore --noflush` that turns the saved rules into the wanted ones: each table in
 * one transaction, and nothing but our own chains and the jumps to them. Undefined when there is
 * nothing to do. Rules are deleted by what they say, never by number: when somebody else changed the
 * table in the meantime the transaction fails whole, and the next look decides anew.
 */
export function repairInput(wanted: readonly WantedChain[], saved: SavedTables): string | undefined {
  return joinTables(wanted.map((chain) => repairLines(chain, saved)))
}

function repairLines(wanted: WantedChain, saved: SavedTables): string[] {
  const faults = faultsOf(wanted, saved)
  if (faults.length === 0) return []
  const lines = [`*${wanted.table}`]
  if (faults.some((fault) => fault.startsWith('chain_'))) {
    // With --noflush, naming a chain of one's own makes it or empties it.
    lines.push(`:${wanted.name} - [0:0]`)
    for (const rule of wanted.rules) lines.push(`-A ${wanted.name} ${ruleText(rule)}`)
  }
  if (faults.some((fault) => fault.startsWith('jump_'))) {
    const hook = saved.get(wanted.table)?.get(HOOK) ?? []
    for (const rule of hook) if (leadsTo(rule, wanted.name)) lines.push(`-D ${HOOK} ${ruleText(rule)}`)
    lines.push(`-I ${HOOK} 1 ${ruleText(jumpTo(wanted.name))}`)
  }
  return [...lines, 'COMMIT']
}

/** Input that removes every chain of ours and whatever leads to it; undefined when there is none. */
export function removalInput(saved: SavedTables): string | undefined {
  return joinTables(OWN_CHAINS.map(([table, chain]) => removalLines(table, chain, saved)))
}

function removalLines(table: string, chain: string, saved: SavedTables): string[] {
  const chains = saved.get(table)
  const lines: string[] = []
  for (const [name, rules] of chains ?? []) {
    if (name === chain) continue
    for (const rule of rules) if (leadsTo(rule, chain)) lines.push(`-D ${name} ${ruleText(rule)}`)
  }
  if (chains?.has(chain) === true) lines.push(`-F ${chain}`, `-X ${chain}`)
  return lines.length === 0 ? [] : [`*${table}`, ...lines, 'COMMIT']
}

function joinTables(tables: readonly string[][]): string | undefined {
  const lines = tables.flat()
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`
}

function sameRules(left: readonly Rule[], right: readonly Rule[]): boolean {
  return left.length === right.length && left.every((rule, at) => sameRule(rule, right[at]))
}

function sameRule(left: Rule | undefined, right: Rule | undefined): boolean {
  if (left === undefined || right === undefined) return false
  return left.length === right.length && left.every((word, at) => word === right[at])
}
