import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { faultsOf, removalInput, repairInput } from './plan.ts'
import { leadsTo, OWN_CHAINS, type Rule, wantedChains } from './rules.ts'
import { isRelevantLine, parseSavedRules, ruleText, words } from './saved-rules.ts'

const WANTED = wantedChains({
  metadataIp: '169.254.169.254',
  metadataPort: 80,
  listenAddress: '127.0.0.1',
  listenPort: 2579,
})

/** Chains of a table in order, rules as text: a kernel for these tests. */
type Kernel = Map<string, Map<string, string[]>>

/** What iptables-restore --noflush does with the words that podid uses; throws where it would fail. */
function restore(kernel: Kernel, input: string): void {
  let chains = new Map<string, string[]>()
  for (const line of input.trimEnd().split('\n')) {
    const [flag = '', chain = '', ...rest] = line.split(' ')
    if (line.startsWith('*')) chains = tableOf(kernel, line.slice(1))
    else if (line.startsWith(':')) chains.set(flag.slice(1), [])
    else if (line !== 'COMMIT') applyLine(chains, flag, { chain, rest })
  }
}

function applyLine(
  chains: Map<string, string[]>,
  flag: string,
  line: { chain: string; rest: string[] },
): void {
  const { chain, rest } = line
  const rules = chains.get(chain)
  assert.ok(rules !== undefined, `no chain ${chain}`)
  if (flag === '-A') rules.push(rest.join(' '))
  else if (flag === '-I') rules.splice(Number(rest[0]) - 1, 0, rest.slice(1).join(' '))
  else if (flag === '-D') {
    const at = rules.indexOf(rest.join(' '))
    assert.ok(at >= 0, `no rule ${rest.join(' ')} in ${chain}`)
    rules.splice(at, 1)
  } else if (flag === '-F') rules.length = 0
  else {
    assert.equal(flag, '-X')
    assert.deepEqual(rules, [])
    for (const [, others] of chains)
      for (const rule of others) assert.ok(!leadsTo(words(rule), chain), `${chain} is in use`)
    chains.delete(chain)
  }
}

function tableOf(kernel: Kernel, name: string): Map<string, string[]> {
  const chains = kernel.get(name) ?? new Map<string, string[]>()
  kernel.set(name, chains)
  if (!chains.has('PREROUTING')) chains.set('PREROUTING', [])
  return chains
}

function save(kernel: Kernel): string[] {
  return [...kernel].flatMap(([table, chains]) => [
    '# Generated',
    `*${table}`,
    ...[...chains.keys()].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...[...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`)),
    'COMMIT',
  ])
}

/** What is neither in a chain of ours nor leads to one. */
function foreignPart(kernel: Kernel): string[] {
  const own = OWN_CHAINS.map(([, chain]) => chain)
  return [...kernel].flatMap(([table, chains]) =>
    [...chains]
      .filter(([chain]) => !own.includes(chain))
      .flatMap(([chain, rules]) =>
        rules
          .filter((rule) => !own.some((name) => leadsTo(words(rule), name)))
          .map((rule) => `${table} ${chain} ${rule}`),
      ),
  )
}

const foreignRule: fc.Arbitrary<string> = fc.constantFrom(
  '-m comment --comment "cali:\\"x\\" y" -j cali-PREROUTING',
  '-m comment --comment "-j aad-metadata" -j ACCEPT',
  '-d 10.0.0.10/32 -p tcp -m tcp --dport 443 -j KUBE-SVC',
  '-j aad-metadata-old',
)
const jump: fc.Arbitrary<string> = fc.constantFrom(
  '-j aad-metadata',
  '-p tcp -j aad-metadata',
  '-g aad-metadata',
  '-j aad-metadata-guard',
  '-m comment --comment "two words" -j aad-metadata',
)
const ownRule: fc.Arbitrary<string> = fc.constantFrom(
  ...WANTED.flatMap((chain) => chain.rules.map((rule) => ruleText(rule))),
  '-d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:2579',
)
const hookRules: fc.Arbitrary<string[]> = fc.array(fc.oneof(foreignRule, jump), { maxLength: 6 })

const kernels: fc.Arbitrary<Kernel> = fc
  .record({
    nat: hookRules,
    raw: fc.option(hookRules),
    output: hookRules,
    redirect: fc.option(fc.array(ownRule, { maxLength: 4 })),
    guard: fc.option(fc.array(ownRule, { maxLength: 2 })),
  })
  .map((parts) => {
    // Copies throughout: the kernel is changed by the tests, and what is shrunk must not be.
    const nat = new Map([
      [
        'PREROUTING',
        parts.nat.filter((rule) => parts.redirect !== null || !leadsTo(words(rule), 'aad-metadata')),
      ],
      [
        'OUTPUT',
        parts.output.filter((rule) => parts.redirect !== null || !leadsTo(words(rule), 'aad-metadata')),
      ],
    ])
    const kernel: Kernel = new Map([['nat', nat]])
    if (parts.redirect !== null) nat.set('aad-metadata', [...parts.redirect])
    if (parts.raw !== null) {
      const raw = new Map([['PREROUTING', [...parts.raw]]])
      if (parts.guard !== null) raw.set('aad-metadata-guard', [...parts.guard])
      kernel.set('raw', raw)
    }
    return kernel
  })

function relevant(kernel: Kernel): ReturnType<typeof parseSavedRules> {
  return parseSavedRules(save(kernel).filter(isRelevantLine))
}

test('from any state one repair makes all chains right, keeps what is foreign in its order, and a second has nothing to do', () => {
  fc.assert(
    fc.property(kernels, (kernel) => {
      const foreign = foreignPart(kernel)
      const input = repairInput(WANTED, relevant(kernel))
      if (input !== undefined) restore(kernel, input)
      const after = relevant(kernel)
      for (const chain of WANTED) assert.deepEqual(faultsOf(chain, after), [])
      assert.equal(repairInput(WANTED, after), undefined)
      assert.deepEqual(foreignPart(kernel), foreign)
      for (const [table, name] of OWN_CHAINS) {
        const hook = kernel.get(table)?.get('PREROUTING') ?? []
        assert.deepEqual(
          hook.flatMap((rule, at) => (leadsTo(words(rule), name) ? [at] : [])),
          [0],
        )
      }
    }),
  )
})

test('from any state one removal leaves nothing of ours and all that is foreign, and a second has nothing to do', () => {
  fc.assert(
    fc.property(kernels, (kernel) => {
      const foreign = foreignPart(kernel)
      const input = removalInput(relevant(kernel))
      if (input !== undefined) restore(kernel, input)
      for (const [table, name] of OWN_CHAINS) assert.equal(kernel.get(table)?.has(name) ?? false, false)
      assert.deepEqual(foreignPart(kernel), foreign)
      assert.equal(removalInput(relevant(kernel)), undefined)
    }),
  )
})

test('a rule is read back from its text word for word', () => {
  const word = fc.string({ unit: 'grapheme-ascii', minLength: 0, maxLength: 12 })
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (rule: Rule) => {
      assert.deepEqual(words(ruleText(rule)), rule)
    }),
  )
})

test('any text can be read as saved rules without a failure', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme-ascii' })), (lines) => {
      parseSavedRules(lines)
    }),
  )
})
