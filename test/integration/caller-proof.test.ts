/** Real devices, routes, bridges and packet rules: a node of network namespaces with the agent's request path in it. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SandboxPod } from '../../emulator/node/pod.ts'
import type { NodeSandbox } from '../../emulator/node/sandbox.ts'
import type { Shape } from '../../emulator/node/topology.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { Pod } from '../../src/model/resources.ts'
import { collectLines, sandboxFor } from '../harness/node-sandbox.ts'
import { makePod } from '../make/objects.ts'

const AGENT = fileURLToPath(new URL('../harness/proof-agent.ts', import.meta.url))
const DEADLINE_MS = 30_000
const TOKEN_URL =
  'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net'

interface Place {
  readonly sandbox: NodeSandbox
  /** What the watch tells: a pod, with the name of its identity as label. */
  tell(name: string, ip: string, fields?: Partial<Pod>): Promise<void>
  tellEnd(name: string): Promise<void>
}

async function placeFor(t: TestContext, shape: Shape, mode = 'proven'): Promise<Place | undefined> {
  const sandbox = await sandboxFor(t, shape)
  if (sandbox === undefined) return undefined
  const lines = collectLines()
  const agent = sandbox.runOnNode(['node', AGENT, mode], {
    interactive: true,
    deadlineMs: 2 * DEADLINE_MS,
    onLine: lines.onLine,
  })
  lines.follow(agent)
  agent.done.catch(() => {})
  const order = async (line: string, answer: string): Promise<void> => {
    agent.stdin.write(`${line}\n`)
    await lines.next((each) => each === answer)
  }
  await order('', 'ready')
  return {
    sandbox,
    async tell(name, ip, fields = {}) {
      const pod = makePod({ name, uid: `uid-${name}`, selector: name, addresses: [ip], ...fields })
      await order(`put ${JSON.stringify(pod)}`, 'done')
    },
    tellEnd: (name) => order(`remove ${name}`, 'done'),
  }
}

/** What a pod gets for a token request: the token, or the code of the refusal. */
async function tokenOf(pod: SandboxPod, from?: string, waitMs = 25_000): Promise<string> {
  const script = `
    const options = { headers: { Metadata: 'true' }, timeout: ${waitMs}, ...${JSON.stringify(from === undefined ? {} : { localAddress: from })} }
    const request = require('http').get('${TOKEN_URL}', options, async (response) => {
      let text = ''
      for await (const part of response) text += part
      process.stdout.write(response.statusCode + ' ' + text)
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', (error) => process.stdout.write(error.code ?? error.message))`
  const { stdout } = await pod.run(['node', '-e', script], { deadlineMs: DEADLINE_MS }).done
  const told = /token-of-default-\w+/.exec(stdout) ?? /caller-not-verified|pod-[a-z]+/.exec(stdout)
  return told?.[0] ?? stdout.trim()
}

for (const shape of ['routed', 'bridge'] as const) {
  test(`${shape}: an address that another pod has at once, while the watch is late, gives that pod nothing until its event`, async (t) => {
    const place = await placeFor(t, shape)
    if (place === undefined) return
    const { sandbox } = place
    const a = await sandbox.startPod({ name: 'a' })
    await place.tell('a', a.ip)
    assert.equal(await tokenOf(a), 'token-of-default-a')
    await a.stop()
    const b = await sandbox.startPod({ name: 'b', ip: a.ip })
    assert.equal(await tokenOf(b), 'caller-not-verified')
    assert.equal(await tokenOf(b), 'caller-not-verified')
    // The event of the next pod comes before that of the old one's end.
    await place.tell('b', b.ip)
    assert.equal(await tokenOf(b), 'token-of-default-b')
    await place.tellEnd('a')
    assert.equal(await tokenOf(b), 'token-of-default-b')
    await b.stop()
    const c = await sandbox.startPod({ name: 'c', ip: a.ip })
    assert.equal(await tokenOf(c), 'caller-not-verified')
    await place.tellEnd('b')
    await place.tell('c', c.ip)
    assert.equal(await tokenOf(c), 'token-of-default-c')
  })

  test(`${shape}: a pod that never called before its end leaves nothing to the next of its address`, async (t) => {
    const place = await placeFor(t, shape)
    if (place === undefined) return
    const a = await place.sandbox.startPod({ name: 'a' })
    await place.tell('a', a.ip)
    await a.stop()
    const b = await place.sandbox.startPod({ name: 'b', ip: a.ip })
    assert.equal(await tokenOf(b), 'caller-not-verified')
  })

  test(`${shape}: a request that waits is answered when the event of its pod comes`, async (t) => {
    const place = await placeFor(t, shape, 'patient')
    if (place === undefined) return
    const a = await place.sandbox.startPod({ name: 'a' })
    await place.tell('a', a.ip)
    assert.equal(await tokenOf(a), 'token-of-default-a')
    await a.stop()
    const b = await place.sandbox.startPod({ name: 'b', ip: a.ip })
    // Whether the event meets the held request or comes before it, the answer is the same.
    const asked = tokenOf(b)
    await place.tell('b', b.ip)
    assert.equal(await asked, 'token-of-default-b')
  })

  test(`${shape}: a pod whose network is made anew under the same address is served again when its status tells so`, async (t) => {
    const place = await placeFor(t, shape)
    if (place === undefined) return
    const first = await place.sandbox.startPod({ name: 'a' })
    await place.tell('a', first.ip, { sandboxAt: systemClock.now() })
    assert.equal(await tokenOf(first), 'token-of-default-a')
    await first.stop()
    const again = await place.sandbox.startPod({ name: 'a', ip: first.ip })
    assert.equal(await tokenOf(again), 'caller-not-verified')
    await place.tell('a', again.ip, { sandboxAt: systemClock.now() + 1 })
    assert.equal(await tokenOf(again), 'token-of-default-a')
  })

  test(`${shape}: a pod that takes the addresses of its living neighbour gets nothing, and the neighbour is served after it`, async (t) => {
    const place = await placeFor(t, shape)
    if (place === undefined) return
    const a = await place.sandbox.startPod({ name: 'a' })
    const c = await place.sandbox.startPod({ name: 'c' })
    await place.tell('a', a.ip)
    await place.tell('c', c.ip)
    assert.equal(await tokenOf(a), 'token-of-default-a')
    assert.equal(await tokenOf(c), 'token-of-default-c')
    const mac = (await a.run(['cat', '/sys/class/net/eth0/address']).done).stdout.trim()
    const own = (await c.run(['cat', '/sys/class/net/eth0/address']).done).stdout.trim()
    const wear = (address: string): string =>
      shape === 'bridge' ? `ip link set eth0 address ${address}` : 'true'
    const steal = `ip addr add ${a.ip}/32 dev eth0 && ${wear(mac)}`
    assert.equal((await c.run(['sh', '-c', steal]).done).code, 0)
    // Where each pod has a route of its own, the answer to the first packet already goes to the owner.
    let got = await tokenOf(c, a.ip, shape === 'bridge' ? 25_000 : 2_000)
    // Two have the address: the owner's kernel may cut a connection that it knows nothing of.
    for (let again = 0; got === 'ECONNRESET' && again < 20; again += 1) got = await tokenOf(c, a.ip)
    assert.equal(got, shape === 'bridge' ? 'caller-not-verified' : 'no answer')
    const back = `${wear(own)} && ip addr del ${a.ip}/32 dev eth0`
    assert.equal((await c.run(['sh', '-c', back]).done).code, 0)
    assert.equal(await tokenOf(a), 'token-of-default-a')
  })
}

test('by the address alone the next pod of an address gets the token of the one before: what the proof is for', async (t) => {
  const place = await placeFor(t, 'routed', 'address-only')
  if (place === undefined) return
  const a = await place.sandbox.startPod({ name: 'a' })
  await place.tell('a', a.ip)
  await a.stop()
  const b = await place.sandbox.startPod({ name: 'b', ip: a.ip })
  assert.equal(await tokenOf(b), 'token-of-default-a')
})
