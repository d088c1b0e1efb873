/** One fact about AAD Pod Identity 1.8 or the Azure Key Vault Provider 1.8, and the case that shows what podid does about it. */
export interface Row {
  /** Unique; named in talks and commits. */
  readonly id: string
  /**
   * 1 resources, 2 NMI's doors, 3 choice, 4 tokens, 5 node, 6 MIC, 7 flags, 8 chart, 9 metrics, 10 scenarios, 11 weaknesses;
   * Key Vault: 12 the provider, 13 its scenarios, 14 the CSI driver's side.
   */
  readonly section: number
  readonly fact: string
  readonly verdict: 'same' | 'differs' | 'later'
  readonly case?: Case
  /** Names of scenarios on a real cluster (test/e2e) that show it. */
  readonly e2e?: readonly string[]
  /** Id of the row in docs/differences.md. */
  readonly difference?: string
  /** Why there is no case yet. */
  readonly later?: string
}

export interface Case {
  readonly file: string
  /** Name of the test; `*` stands for what a template fills in. */
  readonly test: string
}

type Where = readonly [file: string, test: string]

/** Makes the rows of one section: `<prefix>-<number>` in the order of the calls. */
export function section(number: number, prefix: string) {
  let count = 0
  const base = (fact: string) => {
    count += 1
    return { id: `${prefix}-${count}`, section: number, fact }
  }
  const caseOf = ([file, test]: Where): Case => ({ file, test })
  return {
    same: (fact: string, where: Where): Row => ({ ...base(fact), verdict: 'same', case: caseOf(where) }),
    differs: (fact: string, where: Where, difference: string): Row => ({
      ...base(fact),
      verdict: 'differs',
      case: caseOf(where),
      difference,
    }),
    /** Shown by scenarios on a real cluster alone. */
    onCluster: (fact: string): Row => ({ ...base(fact), verdict: 'same' }),
    later: (fact: string, later: string): Row => ({ ...base(fact), verdict: 'later', later }),
  }
}
