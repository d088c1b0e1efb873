import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SandboxPod } from '../../emulator/node/pod.ts'
import { runProcess } from '../../emulator/node/process.ts'
import type { NodeSandbox } from '../../emulator/node/sandbox.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { BackendKind } from '../../src/nmi/redirect/backend.ts'
import type { RedirectConfig } from '../../src/nmi/redirect/redirect.ts'
import { collectLines, sandboxFor } from '../harness/node-sandbox.ts'

const AGENT = fileURLToPath(new URL('../harness/redirect-agent.ts', import.meta.url))
const IMDS = 'http://169.254.169.254/metadata/instance'
const DEADLINE_MS = 30_000

function configOf(changes: Partial<RedirectConfig> = {}): RedirectConfig {
  return {
    addresses: {
      metadataIp: '169.254.169.254',
      metadataPort: 80,
      listenAddress: '127.0.0.1',
      listenPort: 2579,
    },
    intervalMs: 200,
    backend: 'nft',
    cutConnections: 'off',
    removeOnStop: false,
    kubenet: { kubeletFile: '/nowhere', allowed: true },
    ...changes,
  }
}

interface Agent {
  /** The next event of that kind; events before it are dropped. */
  event(name: string): Promise<Record<string, unknown>>
  tell(word: string): void
  kill(): Promise<void>
}

function startAgent(sandbox: NodeSandbox, config: RedirectConfig, mode = 'run'): Agent {
  const lines = collectLines()
  const process = sandbox.runOnNode(['node', AGENT, JSON.stringify(config), mode], {
    interactive: true,
    deadlineMs: DEADLINE_MS,
    onLine: lines.onLine,
  })
  lines.follow(process)
  return {
    async event(name) {
      const line = await lines.next((each) => each.includes(`"event":"${name}"`))
      return JSON.parse(line) as Record<string, unknown>
    },
    tell: (word) => void process.stdin.write(`${word}\n`),
    async kill() {
      process.kill('SIGKILL')
      await process.done.catch(() => {})
    },
  }
}

/** A stand-in for IMDS behind the node, and one pod. */
async function nodeWithImds(
  t: TestContext,
  shape: 'routed' | 'bridge' = 'routed',
): Promise<{ sandbox: NodeSandbox; pod: SandboxPod } | undefined> {
  const sandbox = await sandboxFor(t, shape)
  if (sandbox === undefined) return undefined
  const imds = createServer((request, response) => {
    response.end(`imds saw ${request.socket.remoteAddress ?? ''}`)
  })
  await new Promise<void>((resolve) => imds.listen(0, sandbox.hostAddress, resolve))
  t.after(() => {
    imds.close()
    imds.closeAllConnections()
  })
  await sandbox.forwardImds((imds.address() as AddressInfo).port)
  return { sandbox, pod: await sandbox.startPod({ name: 'shop' }) }
}

async function get(pod: SandboxPod, url = IMDS): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then((r) => r.text()).catch((e) => e.cause.code ?? String(e.cause)).then((t) => process.stdout.write(t))`
  const { stdout } = await pod.run(['node', '-e', script], { deadlineMs: DEADLINE_MS }).done
  return stdout.trim()
}

async function onNode(sandbox: NodeSandbox, argv: readonly string[], stdin = ''): Promise<string> {
  const full = ['ip', 'netns', 'exec', sandbox.nodeNamespace, ...argv]
  return (await runProcess(full, systemClock, { stdin, deadlineMs: DEADLINE_MS })).stdout
}

/** The rules of a backend as iptables-save prints them, without comments and counters. */
async function rulesOf(sandbox: NodeSandbox, kind: BackendKind): Promise<string[]> {
  const text = await onNode(sandbox, [`iptables-${kind}-save`])
  return text.split('\n').filter((line) => line.startsWith('-A '))
}

const WANTED = [
  '-A PREROUTING -j aad-metadata-guard',
  '-A aad-metadata-guard -d 127.0.0.0/8 ! -i lo -j DROP',
  '-A PREROUTING -j aad-metadata',
  '-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:2579',
  '-A aad-metadata -j RETURN',
]

/** Backends that this machine's programs and kernel can do. */
async function usableBackends(sandbox: NodeSandbox): Promise<BackendKind[]> {
  const usable: BackendKind[] = []
  for (const kind of ['nft', 'legacy'] as const) {
    const works = await onNode(sandbox, [`iptables-${kind}`, '-t', 'nat', '-S']).then(
      () => true,
      () => false,
    )
    if (works) usable.push(kind)
  }
  return usable
}

for (const kind of ['nft', 'legacy'] as const) {
  for (const shape of ['routed', 'bridge'] as const) {
    test(`iptables ${kind}, ${shape} pods: a request to IMDS lands at the agent with the pod's own address, and reached IMDS before`, async (t) => {
      const place = await nodeWithImds(t, shape)
      if (place === undefined) return
      const { sandbox, pod } = place
      if (!(await usableBackends(sandbox)).includes(kind))
        return t.skip(`iptables-${kind} does not work here`)
      assert.equal(await get(pod), `imds saw ${sandbox.nodeAddress}`)
      const agent = startAgent(sandbox, configOf({ backend: kind }))
      await agent.event('ready')
      assert.equal(await get(pod), `agent saw ${pod.ip}`)
      assert.deepEqual((await rulesOf(sandbox, kind)).sort(), [...WANTED].sort())
    })
  }
}
