import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectLines } from '../harness/node-sandbox.ts'
import { get, onNode, placeFor, rulesOf, startAgent, WANTED_RULES } from '../harness/redirect-node.ts'

test('a second agent on the node is refused and told who holds it; the first goes on', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const first = startAgent(sandbox)
  await first.event('ready')
  const second = startAgent(sandbox)
  assert.match(
    String((await second.event('refused'))['error']),
    /another node agent runs on this node \(process \d+, listening on 127\.0\.0\.1:2579\)/,
  )
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
})

/** The node agent of the old system, as far as the network sees it: its chain, and a listener. */
const OLD_RULES = [
  '*nat',
  ':aad-metadata - [0:0]',
  '-A PREROUTING -j aad-metadata',
  '-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:2580',
  '-A aad-metadata -j RETURN',
  'COMMIT',
  '',
].join('\n')

test("an old agent's live redirect is respected; once that agent is gone its chain is taken over", async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox } = place
  await onNode(sandbox, ['iptables-nft-restore'], OLD_RULES)
  const lines = collectLines()
  const old = sandbox.runOnNode(
    ['node', '-e', `require('net').createServer().listen(2580, '127.0.0.1', () => console.log('up'))`],
    { onLine: lines.onLine },
  )
  lines.follow(old)
  await lines.next(() => true)
  const refused = startAgent(sandbox)
  assert.match(
    String((await refused.event('refused'))['error']),
    /chain aad-metadata of this node leads to 127\.0\.0\.1:2580, where a process of user 0 listens.*Remove that installation first/,
  )
  await old.stop()
  const agent = startAgent(sandbox)
  await agent.event('ready')
  assert.deepEqual((await rulesOf(sandbox, 'nft')).sort(), WANTED_RULES)
})

test('a taken port is refused before anything is written', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox } = place
  const lines = collectLines()
  const other = sandbox.runOnNode(
    ['node', '-e', `require('net').createServer().listen(2579, '0.0.0.0', () => console.log('up'))`],
    { onLine: lines.onLine },
  )
  lines.follow(other)
  await lines.next(() => true)
  const agent = startAgent(sandbox)
  assert.match(
    String((await agent.event('refused'))['error']),
    /cannot listen on 127\.0\.0\.1:2579 \(in use\)/,
  )
  assert.deepEqual(await rulesOf(sandbox, 'nft'), [])
})

test('without NET_ADMIN the agent is refused with what to add', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const wrap = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-all']
  const agent = startAgent(place.sandbox, { wrap })
  assert.match(
    String((await agent.event('refused'))['error']),
    /lacks CAP_NET_ADMIN.*add NET_ADMIN to securityContext\.capabilities/,
  )
})

test('where route_localnet is off and cannot be set, the agent is refused; the guard already stands', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox } = place
  // As in a container that is not privileged.
  const wrap = [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec "$@"',
    'sh',
  ]
  const refused = startAgent(sandbox, { wrap })
  assert.match(
    String((await refused.event('refused'))['error']),
    /needs net\.ipv4\.conf\.all\.route_localnet=1 on this node, it is 0/,
  )
  await onNode(sandbox, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet'])
  const agent = startAgent(sandbox, { wrap })
  await agent.event('ready')
  assert.equal(await get(place.pod), `agent saw ${place.pod.ip}`)
})

test('a dry run prints what would be done and what is in the way, and changes nothing', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox } = place
  const before = await onNode(sandbox, ['iptables-nft-save'])
  const kubenet = { kubeletFile: '/nowhere/kubelet', allowed: false }
  const agent = startAgent(sandbox, { onlyCommands: true, config: { kubenet, cutConnections: 'try' } })
  agent.tell('plan')
  const text = String((await agent.event('plan'))['text'])
  assert.match(text, /would refuse to start: cannot tell whether this node uses kubenet/)
  assert.match(text, /would run iptables-nft-restore --noflush --wait=5 with:\n {2}\*nat\n/)
  for (const rule of WANTED_RULES.filter((each) => !each.includes('PREROUTING')))
    assert.ok(text.includes(rule), rule)
  assert.match(text, /would write 1 to \/proc\/sys\/net\/ipv4\/conf\/all\/route_localnet/)
  assert.match(text, /would run conntrack -D -p tcp -d 169\.254\.169\.254 --dport 80/)
  assert.equal(await onNode(sandbox, ['iptables-nft-save']), before)
})
