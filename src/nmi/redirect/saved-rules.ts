import { GUARD_CHAIN, HOOK, REDIRECT_CHAIN, type Rule } from './rules.ts'

/** Chains by table and name, as far as they were printed. */
export type SavedTables = ReadonlyMap<string, ReadonlyMap<string, readonly Rule[]>>

/** Reads the output of iptables-save; comments, counters and lines it does not know are passed over. */
export function parseSavedRules(lines: Iterable<string>): SavedTables {
  const tables = new Map<string, Map<string, Rule[]>>()
  let chains = new Map<string, Rule[]>()
  for (const line of lines) {
    if (line.startsWith('*')) {
      const name = line.slice(1).trim()
      chains = tables.get(name) ?? new Map<string, Rule[]>()
      tables.set(name, chains)
      continue
    }
    if (line.startsWith(':')) {
      const name = words(line.slice(1))[0]
      if (name !== undefined && !chains.has(name)) chains.set(name, [])
      continue
    }
    const [flag, chain, ...rule] = words(line.replace(/^\[\d+:\d+\]\s*/, ''))
    if (flag !== '-A' || chain === undefined) continue
    const rules = chains.get(chain) ?? []
    rules.push(rule)
    chains.set(chain, rules)
  }
  return tables
}

/**
 * The lines of iptables-save that matter here: our own chains, whatever leads to them, and the order of
 * PREROUTING. On a node with thousands of services the rest is many megabytes.
 */
export function isRelevantLine(line: string): boolean {
  return (
    line.startsWith('*') ||
    line.startsWith(`-A ${HOOK} `) ||
    line.includes(REDIRECT_CHAIN) ||
    line.includes(GUARD_CHAIN)
  )
}

const WORD = /(?:"(?:\\.|[^"\\])*(?:"|$)|[^\s"])+/g
const QUOTED = /"((?:\\.|[^"\\])*)(?:"|$)/g

/** Splits as iptables-restore does: blanks separate, double quotes group, a backslash inside quotes one character. */
export function words(line: string): string[] {
  const found = line.match(WORD) ?? []
  return found.map((word) => word.replace(QUOTED, (_, inner: string) => inner.replace(/\\(.)/g, '$1')))
}

/** The inverse of `words`. */
export function ruleText(rule: Rule): string {
  return rule.map((word) => (/^[\w./:,!=@%+-]+$/.test(word) ? word : quote(word))).join(' ')
}

function quote(word: string): string {
  return `"${word.replace(/["\\]/g, (character) => `\\${character}`)}"`
}
