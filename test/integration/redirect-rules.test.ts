import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  backendWorks,
  get,
  onNode,
  placeFor,
  rulesOf,
  startAgent,
  WANTED_RULES,
} from '../harness/redirect-node.ts'

/** What other programs of a node have there; podid must leave it alone. */
const FOREIGN = [
  '*nat',
  ':KUBE-SERVICES - [0:0]',
  '-A PREROUTING -m comment --comment "kubernetes \\"service\\" portals" -j KUBE-SERVICES',
  '-A KUBE-SERVICES -d 10.0.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.244.0.9:53',
  '-A POSTROUTING -s 10.244.0.0/16 -j MASQUERADE',
  'COMMIT',
  '*filter',
  '-A FORWARD -d 192.0.2.99/32 -j DROP',
  'COMMIT',
  '',
].join('\n')

/** Damage that a foreign hand may do, and the fault that is counted for it. */
const DAMAGE: ReadonlyArray<readonly [what: string, commands: readonly string[][], fault: RegExp]> = [
  ['the jump is deleted', [['-D', 'PREROUTING', '-j', 'aad-metadata']], /jump_missing/],
  ['the chain is emptied', [['-F', 'aad-metadata']], /chain_changed/],
  [
    'a rule comes before the jump',
    [['-I', 'PREROUTING', '1', '-d', '192.0.2.7', '-j', 'ACCEPT']],
    /jump_not_first/,
  ],
  ['the jump is doubled', [['-A', 'PREROUTING', '-p', 'tcp', '-j', 'aad-metadata']], /jump_doubled/],
  ['a rule is added to the chain', [['-I', 'aad-metadata', '1', '-j', 'RETURN']], /chain_changed/],
  [
    'the chain is removed',
    [
      ['-D', 'PREROUTING', '-j', 'aad-metadata'],
      ['-F', 'aad-metadata'],
      ['-X', 'aad-metadata'],
    ],
    /chain_missing.*jump_missing/,
  ],
]

for (const kind of ['nft', 'legacy'] as const) {
  for (const shape of ['routed', 'bridge'] as const) {
    test(`iptables ${kind}, ${shape} pods: a request to IMDS lands at the agent with the pod's own address, and reached IMDS before`, async (t) => {
      const place = await placeFor(t, shape)
      if (place === undefined) return
      const { sandbox, pod } = place
      if (!(await backendWorks(sandbox, kind))) return t.skip(`iptables-${kind} does not work here`)
      assert.equal(await get(pod), `imds saw ${sandbox.nodeAddress}`)
      const agent = startAgent(sandbox, { config: { backend: kind } })
      const ready = await agent.event('ready')
      assert.equal(ready['active'], true)
      assert.equal(await get(pod), `agent saw ${pod.ip}`)
      assert.deepEqual((await rulesOf(sandbox, kind)).sort(), WANTED_RULES)
    })
  }

  test(`iptables ${kind}: whatever a foreign hand does to the rules is repaired, and its own rules stay in their order`, async (t) => {
    const place = await placeFor(t)
    if (place === undefined) return
    const { sandbox } = place
    if (!(await backendWorks(sandbox, kind))) return t.skip(`iptables-${kind} does not work here`)
    await onNode(sandbox, [`iptables-${kind}-restore`], FOREIGN)
    const foreign = await rulesOf(sandbox, kind)
    const agent = startAgent(sandbox, { config: { backend: kind } })
    await agent.event('ready')
    const wanted = await rulesOf(sandbox, kind)
    assert.deepEqual(
      wanted.filter((rule) => !rule.includes('aad-metadata')),
      foreign,
    )
    for (const [what, commands, fault] of DAMAGE) {
      // One transaction, so that a repair never comes between two of its commands.
      const lines = ['*nat', ...commands.map((words) => words.join(' ')), 'COMMIT', '']
      await onNode(sandbox, [`iptables-${kind}-restore`, '--noflush'], lines.join('\n'))
      const repaired = await agent.logged('redirect rules were changed by somebody else and are repaired')
      assert.match(String(repaired['faults']), fault, what)
      if (what.includes('before the jump')) {
        await onNode(sandbox, [
          `iptables-${kind}`,
          '-t',
          'nat',
          '-D',
          'PREROUTING',
          '-d',
          '192.0.2.7',
          '-j',
          'ACCEPT',
        ])
      }
      assert.deepEqual(await rulesOf(sandbox, kind), wanted, what)
    }
    agent.tell('status')
    assert.equal((await agent.event('status'))['repairs'], DAMAGE.length)
  })

  test(`iptables ${kind}: clean-up removes what is ours and nothing else, can be repeated, and waits for no running agent`, async (t) => {
    const place = await placeFor(t)
    if (place === undefined) return
    const { sandbox, pod } = place
    if (!(await backendWorks(sandbox, kind))) return t.skip(`iptables-${kind} does not work here`)
    await onNode(sandbox, [`iptables-${kind}-restore`], FOREIGN)
    const foreign = await rulesOf(sandbox, kind)
    const agent = startAgent(sandbox, { config: { backend: kind } })
    await agent.event('ready')
    const cleaner = startAgent(sandbox, { onlyCommands: true })
    cleaner.tell('cleanup')
    assert.match(
      String((await cleaner.event('failed'))['error']),
      /another node agent runs on this node \(process \d+, listening on 127.0.0.1:2579\)/,
    )
    await agent.kill()
    // A foreign hand made a second way in.
    await onNode(sandbox, [
      `iptables-${kind}`,
      '-t',
      'nat',
      '-A',
      'OUTPUT',
      '-d',
      '192.0.2.8',
      '-j',
      'aad-metadata',
    ])
    cleaner.tell('cleanup')
    assert.match(
      String((await cleaner.event('cleanup'))['done']),
      new RegExp(`iptables ${kind}: redirect rules removed`),
    )
    assert.deepEqual(await rulesOf(sandbox, kind), foreign)
    assert.doesNotMatch(await onNode(sandbox, [`iptables-${kind}-save`]), /aad-metadata/)
    cleaner.tell('cleanup')
    assert.doesNotMatch(String((await cleaner.event('cleanup'))['done']), /removed/)
    assert.equal(await get(pod), `imds saw ${sandbox.nodeAddress}`)
  })
}

test('rules that a node left behind under its other iptables are removed at start', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  if (!(await backendWorks(sandbox, 'legacy'))) return t.skip('iptables-legacy does not work here')
  const before = startAgent(sandbox, { config: { backend: 'legacy' } })
  await before.event('ready')
  await before.kill()
  const agent = startAgent(sandbox, { config: { backend: 'nft' } })
  await agent.event('ready')
  assert.deepEqual(await rulesOf(sandbox, 'legacy'), [])
  assert.deepEqual((await rulesOf(sandbox, 'nft')).sort(), WANTED_RULES)
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
})

test('the backend is the one that holds the mark of kubelet, even when the other has more rules', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox } = place
  if (!(await backendWorks(sandbox, 'legacy'))) return t.skip('iptables-legacy does not work here')
  await onNode(sandbox, ['iptables-nft-restore'], FOREIGN)
  await onNode(sandbox, ['iptables-legacy', '-t', 'mangle', '-N', 'KUBE-KUBELET-CANARY'])
  const agent = startAgent(sandbox, { config: { backend: 'auto' } })
  await agent.event('ready')
  assert.deepEqual((await rulesOf(sandbox, 'legacy')).sort(), WANTED_RULES)
})
