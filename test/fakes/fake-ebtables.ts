import type { CommandRunner } from '../../src/nmi/redirect/command-runner.ts'

/** ebtables' table nat as far as podid writes it: one batch at a time, all of it or nothing. */
export class FakeEbtables {
  chains = new Map<string, string[]>([['PREROUTING', []]])
  /** Programs that were run. */
  runs = 0
  /** Set: every program ends with this text. */
  broken: string | undefined

  readonly run: CommandRunner = async ({ args, stdin = '', keepLine = () => true }) => {
    this.runs += 1
    if (this.broken !== undefined) return { code: 1, lines: [], stderr: this.broken }
    if (args[0] === 'ebtables-save') return { code: 0, lines: this.#saved().filter(keepLine), stderr: '' }
    const next = new Map([...this.chains].map(([chain, rules]) => [chain, [...rules]]))
    try {
      for (const line of stdin.split('\n').filter((each) => each !== '')) apply(next, line)
    } catch (thrown) {
      return { code: 1, lines: [], stderr: String(thrown) }
    }
    this.chains = next
    return { code: 0, lines: [], stderr: '' }
  }

  #saved(): string[] {
    const chains = [...this.chains]
    return [
      '*nat',
      ...chains.map(([chain]) => `:${chain} ${chain === 'PREROUTING' ? 'ACCEPT' : 'RETURN'}`),
      ...chains.flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    ]
  }
}

function apply(chains: Map<string, string[]>, line: string): void {
  if (line === '*nat') return
  const named = /^:(\S+) RETURN$/.exec(line)?.[1]
  if (named !== undefined) {
    chains.set(named, [])
    return
  }
  const [, verb = '', chain = '', rule = ''] = /^-([ADIX]) (\S+) ?(?:1 )?(.*)$/.exec(line) ?? []
  const rules = chains.get(chain)
  if (rules === undefined) throw new Error(`no chain in ${line}`)
  if (verb === 'A') rules.push(rule)
  if (verb === 'I') rules.unshift(rule)
  if (verb === 'D' && !rules.includes(rule)) throw new Error(`no rule ${rule}`)
  if (verb === 'D') rules.splice(rules.indexOf(rule), 1)
  if (verb === 'X') {
    if (rules.length > 0) throw new Error(`${chain} is not empty`)
    chains.delete(chain)
  }
}
