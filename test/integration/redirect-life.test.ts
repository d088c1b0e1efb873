import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectLines } from '../harness/node-sandbox.ts'
import { get, onNode, placeFor, rulesOf, startAgent, WANTED_RULES } from '../harness/redirect-node.ts'

test('an agent that is killed leaves the door shut: pods are refused, and the next agent finds its rules', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const first = startAgent(sandbox)
  await first.event('ready')
  await first.kill()
  assert.equal(await get(pod), 'ECONNREFUSED')
  const second = startAgent(sandbox)
  assert.equal((await second.event('checked'))['outcome'], 'unchanged')
  await second.event('ready')
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
  await second.kill()
  await onNode(sandbox, ['iptables-nft', '-t', 'nat', '-F', 'aad-metadata'])
  const third = startAgent(sandbox)
  assert.equal((await third.event('checked'))['outcome'], 'installed')
  await third.event('ready')
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
})

test('an agent that stops in order leaves the rules too', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const agent = startAgent(sandbox)
  await agent.event('ready')
  agent.tell('stop')
  await agent.event('stopped')
  assert.deepEqual((await rulesOf(sandbox, 'nft')).sort(), WANTED_RULES)
  assert.equal(await get(pod), 'ECONNREFUSED')
})

/** A client that asks on one keep-alive connection, once for each line that it is given. */
const KEEP_ALIVE_CLIENT = `
const http = require('http'), agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
require('readline').createInterface({ input: process.stdin }).on('line', () => {
  const request = http.get('http://169.254.169.254/', { agent }, (response) => {
    let text = ''
    response.on('data', (part) => { text += part }).on('end', () => console.log(text))
  })
  request.setTimeout(3000, () => request.destroy(new Error('time-out')))
  request.on('error', (error) => console.log(error.code ?? error.message))
})`

for (const [cut, what, expected] of [
  ['off', 'goes on when connections are left alone, which is the danger', /^imds saw/],
  ['try', 'is reset', /^ECONNRESET$/],
] as const) {
  test(`a connection to IMDS that is older than the redirect ${what}`, async (t) => {
    const place = await placeFor(t)
    if (place === undefined) return
    const { sandbox, pod } = place
    // NAT that is active already pins each connection to where it first went.
    await onNode(sandbox, [
      'iptables-nft',
      '-t',
      'nat',
      '-A',
      'POSTROUTING',
      '-s',
      '10.0.0.0/8',
      '-j',
      'MASQUERADE',
    ])
    const lines = collectLines()
    const client = pod.run(['node', '-e', KEEP_ALIVE_CLIENT], { interactive: true, onLine: lines.onLine })
    lines.follow(client)
    client.stdin.write('ask\n')
    assert.equal(await lines.next(() => true), `imds saw ${sandbox.nodeAddress}`)
    const agent = startAgent(sandbox, { config: { cutConnections: cut } })
    if (cut === 'try') assert.equal((await agent.event('cut'))['count'], 1)
    await agent.event('ready')
    client.stdin.write('ask\n')
    assert.match(await lines.next(() => true), expected)
    client.stdin.write('ask\n')
    assert.match(await lines.next(() => true), cut === 'off' ? expected : new RegExp(`^agent saw ${pod.ip}$`))
  })
}

test('connections that were redirected are not among those that the next agent cuts', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const first = startAgent(sandbox)
  await first.event('ready')
  const lines = collectLines()
  const client = pod.run(['node', '-e', KEEP_ALIVE_CLIENT], { interactive: true, onLine: lines.onLine })
  lines.follow(client)
  client.stdin.write('ask\n')
  assert.equal(await lines.next(() => true), `agent saw ${pod.ip}`)
  await first.kill()
  const second = startAgent(sandbox, { config: { cutConnections: 'try' } })
  assert.equal((await second.event('cut'))['count'], 0)
})

test('cutting connections where there are none is no failure', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const agent = startAgent(place.sandbox, { config: { cutConnections: 'try' } })
  assert.equal((await agent.event('cut'))['count'], 0)
  assert.equal((await agent.event('ready'))['active'], true)
})

test('an agent on the address of the node is reached there, without guard and without route_localnet', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const addresses = {
    metadataIp: '169.254.169.254',
    metadataPort: 80,
    listenAddress: sandbox.nodeAddress,
    listenPort: 2579,
  }
  const agent = startAgent(sandbox, { config: { addresses } })
  await agent.event('ready')
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
  const rules = await rulesOf(sandbox, 'nft')
  assert.equal(rules.length, 3)
  assert.equal((await onNode(sandbox, ['cat', '/proc/sys/net/ipv4/conf/all/route_localnet'])).trim(), '0')
})

test('route_localnet for the redirect does not open other services on the loopback of the node to a pod', async (t) => {
  const place = await placeFor(t)
  if (place === undefined) return
  const { sandbox, pod } = place
  const lines = collectLines()
  const service = sandbox.runOnNode(
    [
      'node',
      '-e',
      `require('http').createServer((q, r) => r.end('loopback service')).listen(10255, '127.0.0.1', () => console.log('up'))`,
    ],
    { onLine: lines.onLine },
  )
  lines.follow(service)
  await lines.next(() => true)
  // A pod with NET_ADMIN in its own namespace sends 127.0.0.1 out of its link (CVE-2020-8558).
  const steps = [
    'ip addr del 127.0.0.1/8 dev lo',
    'ip addr del ::1/128 dev lo',
    'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet',
    'ip route add 127.0.0.0/8 via 169.254.1.1 dev eth0 src "$0"',
  ]
  const { code, stderr } = await pod.run(['sh', '-ec', steps.join('; '), pod.ip]).done
  assert.equal(code, 0, stderr)
  const agent = startAgent(sandbox, { config: { intervalMs: 60_000 } })
  await agent.event('ready')
  assert.equal(await get(pod), `agent saw ${pod.ip}`)
  const service127 = 'http://127.0.0.1:10255/'
  assert.equal(await get(pod, service127), 'TimeoutError')
  // The attack is real: without the guard it succeeds.
  await onNode(sandbox, ['iptables-nft', '-t', 'raw', '-F', 'aad-metadata-guard'])
  assert.equal(await get(pod, service127), 'loopback service')
})
