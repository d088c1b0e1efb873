import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, unlinkSync, watch } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { probeNodeSandbox } from '../../emulator/node/probe.ts'
import { runProcess } from '../../emulator/node/process.ts'
import { removeSandbox } from '../../emulator/node/removal.ts'
import { createNodeSandbox, type NodeSandbox } from '../../emulator/node/sandbox.ts'
import { systemClock } from '../../src/base/clock.ts'
import { DeadlineError } from '../../src/base/deadline.ts'
import { collectLines, sandboxFor } from '../harness/node-sandbox.ts'

const OWNER = fileURLToPath(new URL('../harness/sandbox-owner.ts', import.meta.url))
const CLAIMS = '/run/podid-sandbox'
const DEADLINE_MS = 20_000

/** A server of this process that answers with the address of its caller. */
async function echoAt(t: TestContext, host: string, name: string): Promise<number> {
  const server = createServer((request, response) => {
    response.end(`${name} saw ${request.socket.remoteAddress ?? ''}`)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

function fetching(url: string): string[] {
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(3000) }).then((r) => r.text()).catch((e) => e.cause?.code ?? e.name).then((t) => process.stdout.write(t, () => process.exit()))`
  return ['node', '-e', script]
}

async function outputOf(process: ReturnType<NodeSandbox['runOnNode']>): Promise<string> {
  return (await process.done).stdout.trim()
}

/** Names of links and namespaces, and of the files beside them, that begin with the name. */
async function tracesOf(name: string): Promise<string[]> {
  const links = await runProcess(['ip', '-o', 'link'], systemClock, { deadlineMs: DEADLINE_MS })
  const spaces = await runProcess(['ip', 'netns', 'list'], systemClock, { deadlineMs: DEADLINE_MS })
  const files = existsSync('/etc/netns') ? readdirSync('/etc/netns') : []
  const lines = [...links.stdout.split('\n'), ...spaces.stdout.split('\n'), ...files]
  return lines.filter((line) => new RegExp(`\\b${name}(?:-|@|:)`).test(line))
}

for (const shape of ['routed', 'bridge'] as const) {
  test(`${shape}: pods, node, emulators and each other are reached, with the addresses that a cluster would show`, async (t) => {
    const sandbox = await sandboxFor(t, shape)
    if (sandbox === undefined) return
    const imdsPort = await echoAt(t, sandbox.hostAddress, 'imds')
    const vaultPort = await echoAt(t, sandbox.hostAddress, 'vault')
    await sandbox.forwardImds(imdsPort)
    await sandbox.setNodeHosts({ 'kube.test': sandbox.hostAddress })
    const shop = await sandbox.startPod({ name: 'shop', hosts: { 'vault.test': sandbox.hostAddress } })
    const bank = await sandbox.startPod({ name: 'bank' })
    assert.notEqual(shop.ip, bank.ip)

    const imds = 'http://169.254.169.254/metadata/instance'
    assert.equal(await outputOf(sandbox.runOnNode(fetching(imds))), `imds saw ${sandbox.nodeAddress}`)
    assert.equal(await outputOf(shop.run(fetching(imds))), `imds saw ${sandbox.nodeAddress}`)
    assert.equal(await outputOf(shop.run(fetching(`http://vault.test:${vaultPort}`))), `vault saw ${shop.ip}`)
    assert.equal(
      await outputOf(sandbox.runOnNode(fetching(`http://kube.test:${vaultPort}`))),
      `vault saw ${sandbox.nodeAddress}`,
    )

    const lines = collectLines()
    const script = `require('http').createServer((q, r) => r.end('node saw ' + q.socket.remoteAddress)).listen(8080, '::', () => console.log('up'))`
    lines.follow(sandbox.runOnNode(['node', '-e', script], { onLine: lines.onLine }))
    await lines.next(() => true)
    const node = `http://${sandbox.nodeAddress}:8080/`
    assert.equal(await outputOf(shop.run(fetching(node))), `node saw ::ffff:${shop.ip}`)
    assert.equal(
      await outputOf(bank.run(fetching(`http://[${sandbox.nodeAddress6}]:8080/`))),
      `node saw ${bank.ip6}`,
    )
    const fromHere = await runProcess(fetching(node), systemClock, { deadlineMs: DEADLINE_MS })
    assert.equal(fromHere.stdout.trim(), `node saw ::ffff:${sandbox.hostAddress}`)

    const inPod = collectLines()
    const podScript = script.replace('node saw', 'bank saw')
    inPod.follow(bank.run(['node', '-e', podScript], { onLine: inPod.onLine }))
    await inPod.next(() => true)
    assert.equal(await outputOf(shop.run(fetching(`http://${bank.ip}:8080/`))), `bank saw ::ffff:${shop.ip}`)
  })
}

test('nothing in a sandbox has a way to the internet or to the addresses of this machine outside the link', async (t) => {
  const sandbox = await sandboxFor(t, 'routed')
  if (sandbox === undefined) return
  const pod = await sandbox.startPod({ name: 'shop' })
  assert.equal(await outputOf(pod.run(fetching('http://203.0.113.7/'))), 'ENETUNREACH')
  assert.equal(await outputOf(sandbox.runOnNode(fetching('http://203.0.113.7/'))), 'ENETUNREACH')
  assert.match(await outputOf(pod.run(fetching('http://example.com/'))), /EAI_AGAIN|ENOTFOUND/)
})

test('an address of a stopped pod is free at once for the next, also with another name', async (t) => {
  const sandbox = await sandboxFor(t, 'routed')
  if (sandbox === undefined) return
  const port = await echoAt(t, sandbox.hostAddress, 'host')
  const first = await sandbox.startPod({ name: 'first' })
  await assert.rejects(sandbox.startPod({ name: 'thief', ip: first.ip }), /is taken or not a pod address/)
  await first.stop()
  await first.stop()
  const second = await sandbox.startPod({ name: 'second', ip: first.ip })
  assert.equal(
    await outputOf(second.run(fetching(`http://${sandbox.hostAddress}:${port}/`))),
    `host saw ${first.ip}`,
  )
  await assert.rejects(sandbox.startPod({ name: 'far', ip: '10.0.0.1' }), /is taken or not a pod address/)
  await assert.rejects(sandbox.startPod({ name: 'a/b' }), /is not valid/)
})

test('processes get the environment of their pod and nothing of the caller, and their end is reported', async (t) => {
  const sandbox = await sandboxFor(t, 'routed')
  if (sandbox === undefined) return
  const pod = await sandbox.startPod({ name: 'shop', env: { COLOUR: 'blue', SIZE: 'small' } })
  const { stdout } = await pod.run(['env'], { env: { SIZE: 'large' } }).done
  const names = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0])
  assert.ok(stdout.includes('COLOUR=blue\n') && stdout.includes('SIZE=large\n'))
  // Node itself hands NODE_V8_COVERAGE to every child while the coverage is measured.
  const expected = ['COLOUR', 'SIZE', 'PATH', 'HOME', 'PWD', 'SHLVL', '_', 'NODE_V8_COVERAGE']
  assert.deepEqual(
    names.filter((name) => !expected.includes(name ?? '')),
    [],
  )

  const failed = await pod.run(['sh', '-c', 'echo out; echo err >&2; exit 7']).done
  assert.deepEqual(failed, { code: 7, signal: undefined, stdout: 'out\n', stderr: 'err\n' })
  assert.equal((await pod.run(['cat'], { stdin: 'text' }).done).stdout, 'text\n')
  await assert.rejects(pod.run(['sleep', '60'], { deadlineMs: 50 }).done, DeadlineError)
  const controller = new AbortController()
  const aborted = pod.run(['sleep', '60'], { signal: controller.signal })
  controller.abort(new Error('enough'))
  await assert.rejects(aborted.done, /enough/)
  const sleeping = pod.run(['sleep', '60'])
  await pod.stop()
  assert.equal((await sleeping.done).signal, 'SIGTERM')
  assert.throws(() => pod.run(['true']), /is stopped/)
})

test('two sandboxes side by side do not see each other, and each leaves nothing', async (t) => {
  const one = await sandboxFor(t, 'routed')
  if (one === undefined) return
  const two = await createNodeSandbox({ clock: systemClock, shape: 'bridge', prefix: 'podidtst' })
  t.after(() => two.close())
  assert.notEqual(one.hostAddress, two.hostAddress)
  const names = [one, two]
  await Promise.all(
    names.map(async (sandbox, at) => sandbox.forwardImds(await echoAt(t, sandbox.hostAddress, `imds ${at}`))),
  )
  const pods = await Promise.all(names.map((sandbox) => sandbox.startPod({ name: 'same' })))
  const answers = await Promise.all(pods.map((pod) => outputOf(pod.run(fetching('http://169.254.169.254/')))))
  assert.deepEqual(answers, [`imds 0 saw ${one.nodeAddress}`, `imds 1 saw ${two.nodeAddress}`])
  const [first] = pods
  assert.equal(
    await outputOf(
      first === undefined ? one.runOnNode(['true']) : first.run(fetching(`http://${two.nodeAddress}/`)),
    ),
    'ENETUNREACH',
  )
  await two.close()
  await two.close()
  assert.deepEqual(await tracesOf(two.name), [])
  assert.equal(
    await outputOf(pods[0]?.run(fetching('http://169.254.169.254/')) ?? one.runOnNode(['true'])),
    answers[0],
  )
  await one.close()
  assert.deepEqual(await tracesOf(one.name), [])
  await assert.rejects(one.startPod({ name: 'late' }), /closing/)
})

/** A process of its own that makes a sandbox with a busy pod and then waits. */
async function startOwner(mode: string): Promise<{ name: string; pid: number; ended: Promise<void> }> {
  const child = spawn(process.execPath, [OWNER, mode], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const [name] = await new Promise<string[]>((resolve) => {
    child.stdout.setEncoding('utf8').once('data', (text: string) => resolve(text.trim().split('\n')))
  })
  assert.ok(name !== undefined && child.pid !== undefined)
  return { name, pid: child.pid, ended }
}

/** Resolves when the sandbox's claim is gone, which is the last thing that a clean-up removes. */
async function claimGone(name: string): Promise<void> {
  const files = `${name.replace(/\D/g, '')}.`
  const watcher = watch(CLAIMS)
  try {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const look = (): void => {
      if (!readdirSync(CLAIMS).some((file) => file.startsWith(files))) resolve(undefined)
    }
    watcher.on('change', look)
    look()
    await promise
  } finally {
    watcher.close()
  }
}

for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  test(`a process that ends by ${signal} with its sandbox open leaves nothing: not a namespace, link, file or process`, async (t) => {
    const probe = await probeNodeSandbox(systemClock)
    if (!probe.usable) return t.skip(`needs network namespaces; missing: ${probe.missing.join(', ')}`)
    const owner = await startOwner('with-janitor')
    assert.notDeepEqual(await tracesOf(owner.name), [])
    process.kill(owner.pid, signal)
    await owner.ended
    await claimGone(owner.name)
    assert.deepEqual(await tracesOf(owner.name), [])
  })
}

test('what is left when the janitor was killed too is removed by the next sandbox', async (t) => {
  const probe = await probeNodeSandbox(systemClock)
  if (!probe.usable) return t.skip(`needs network namespaces; missing: ${probe.missing.join(', ')}`)
  const owner = await startOwner('without-janitor')
  process.kill(owner.pid, 'SIGKILL')
  await owner.ended
  assert.notDeepEqual(await tracesOf(owner.name), [])
  const sandbox = await sandboxFor(t, 'routed')
  assert.ok(sandbox !== undefined)
  const traces = await tracesOf(owner.name)
  // The new sandbox may have got the same number, and with the same prefix the same name.
  if (sandbox.name !== owner.name) assert.deepEqual(traces, [])
  assert.deepEqual(
    traces.filter((line) => line.includes('-pod-')),
    [],
  )
})

test('namespaces that bear the name of a sandbox and belong to nobody are not in its way', async (t) => {
  const probe = await probeNodeSandbox(systemClock)
  if (!probe.usable) return t.skip(`needs network namespaces; missing: ${probe.missing.join(', ')}`)
  const owner = await startOwner('without-janitor')
  process.kill(owner.pid, 'SIGKILL')
  await owner.ended
  await runProcess(['ip', 'link', 'del', owner.name], systemClock, { deadlineMs: DEADLINE_MS })
  unlinkSync(`${CLAIMS}/${owner.name.replace(/\D/g, '')}.claim`)
  const next = await startOwner('with-janitor')
  t.after(() => removeSandbox(owner.name, '', systemClock))
  process.kill(next.pid, 'SIGKILL')
  await next.ended
  await claimGone(next.name)
  assert.deepEqual(await tracesOf(next.name), [])
  if (next.name !== owner.name) t.skip('another process of this machine took the number meanwhile')
})
