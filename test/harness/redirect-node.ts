import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SandboxPod } from '../../emulator/node/pod.ts'
import { runProcess } from '../../emulator/node/process.ts'
import type { NodeSandbox } from '../../emulator/node/sandbox.ts'
import type { Shape } from '../../emulator/node/topology.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { BackendKind } from '../../src/nmi/redirect/backend.ts'
import type { RedirectConfig } from '../../src/nmi/redirect/redirect.ts'
import { collectLines, sandboxFor } from './node-sandbox.ts'
import { redirectConfig } from './redirect-config.ts'

const AGENT = fileURLToPath(new URL('./redirect-agent.ts', import.meta.url))
const DEADLINE_MS = 30_000
const IMDS = 'http://169.254.169.254/metadata/instance'

/** The redirect alone, running as a process on a node (see redirect-agent.ts). */
export interface Agent {
  /** The next event of that kind; events before it are dropped. */
  event(name: string): Promise<Record<string, unknown>>
  /** The next log line with that message. */
  logged(message: string): Promise<Record<string, unknown>>
  tell(word: string): void
  kill(): Promise<void>
}

export interface AgentOptions {
  readonly config?: Partial<RedirectConfig>
  /** Starts nothing: the process is there to plan or to clean up. */
  readonly onlyCommands?: boolean
  /** Put before the command, to take rights away. */
  readonly wrap?: readonly string[]
}

export function startAgent(sandbox: NodeSandbox, options: AgentOptions = {}): Agent {
  const lines = collectLines()
  const config = JSON.stringify(redirectConfig(options.config))
  const mode = options.onlyCommands === true ? 'only-commands' : 'run'
  const process = sandbox.runOnNode([...(options.wrap ?? []), 'node', AGENT, config, mode], {
    interactive: true,
    deadlineMs: DEADLINE_MS,
    onLine: lines.onLine,
  })
  lines.follow(process)
  const next = async (part: string): Promise<Record<string, unknown>> => {
    const line = await lines.next((each) => each.includes(part))
    return JSON.parse(line) as Record<string, unknown>
  }
  return {
    event: (name) => next(`"event":"${name}"`),
    logged: (message) => next(`"message":"${message}"`),
    tell: (word) => void process.stdin.write(`${word}\n`),
    async kill() {
      process.kill('SIGKILL')
      await process.done.catch(() => {})
    },
  }
}

export interface Place {
  readonly sandbox: NodeSandbox
  readonly pod: SandboxPod
}

/** A node with one pod and a stand-in for IMDS that says whom it saw; undefined where that cannot be made. */
export async function placeFor(t: TestContext, shape: Shape = 'routed'): Promise<Place | undefined> {
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

/** What the pod gets from an address: the body, or the error code. */
export async function get(pod: SandboxPod, url = IMDS): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(1500) }).then((r) => r.text()).catch((e) => e.cause?.code ?? e.name).then((t) => process.stdout.write(t, () => process.exit()))`
  const { stdout } = await pod.run(['node', '-e', script], { deadlineMs: DEADLINE_MS }).done
  return stdout.trim()
}

/** Runs a program on the node to its end. @throws Error when it fails. */
export async function onNode(sandbox: NodeSandbox, argv: readonly string[], stdin = ''): Promise<string> {
  const full = ['ip', 'netns', 'exec', sandbox.nodeNamespace, ...argv]
  return (await runProcess(full, systemClock, { stdin, deadlineMs: DEADLINE_MS })).stdout
}

/** The rules of a backend in the order of iptables-save, without chains, comments and counters. */
export async function rulesOf(sandbox: NodeSandbox, kind: BackendKind): Promise<string[]> {
  const text = await onNode(sandbox, [`iptables-${kind}-save`])
  return text.split('\n').filter((line) => line.startsWith('-A '))
}

/** Whether this machine's programs and kernel can do a backend. */
export async function backendWorks(sandbox: NodeSandbox, kind: BackendKind): Promise<boolean> {
  return onNode(sandbox, [`iptables-${kind}`, '-t', 'nat', '-S']).then(
    () => true,
    () => false,
  )
}

/** Everything that the redirect writes for an agent on 127.0.0.1:2579, sorted. */
export const WANTED_RULES: readonly string[] = [
  '-A PREROUTING -j aad-metadata',
  '-A PREROUTING -j aad-metadata-guard',
  '-A aad-metadata ! -s 127.0.0.1/32 -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 127.0.0.1:2579',
  '-A aad-metadata -j RETURN',
  '-A aad-metadata-guard -d 127.0.0.0/8 ! -i lo -j DROP',
]
