import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { silentLog } from '../../telemetry/log.ts'
import { CommandError, type CommandRunner } from './command-runner.ts'
import type { HostFiles } from './host-files.ts'
import { createRedirect, type Redirect, type RedirectConfig } from './redirect.ts'

const linux = { skip: process.platform === 'linux' ? false : 'abstract sockets exist on Linux only' }

interface FakeNode {
  readonly run: CommandRunner
  /** Inputs of iptables-restore, in order. */
  readonly written: string[]
  /** Answers the next writes with this error. */
  failure: string | undefined
  conntrack: 'missing' | 'works'
  saved: string[]
}

/** A node with iptables-nft whose tables are what `saved` says, or what was written last. */
function fakeNode(): FakeNode {
  const node: FakeNode = {
    written: [],
    failure: undefined,
    conntrack: 'works',
    saved: [],
    run(command) {
      const { file, stdin = '' } = command
      if (file.includes('legacy') || (file === 'conntrack' && node.conntrack === 'missing')) {
        return Promise.reject(new CommandError(file, Object.assign(new Error('spawn'), { code: 'ENOENT' })))
      }
      if (file === 'conntrack') {
        return Promise.resolve({ code: 0, lines: [], stderr: '2 flow entries have been deleted.' })
      }
      if (file === 'iptables-nft-save') return Promise.resolve({ code: 0, lines: node.saved, stderr: '' })
      if (command.args.includes('--version')) return Promise.resolve({ code: 0, lines: [], stderr: '' })
      if (node.failure !== undefined) return Promise.resolve({ code: 4, lines: [], stderr: node.failure })
      node.written.push(stdin)
      node.saved = stdin.includes('-X ')
        ? []
        : stdin.split('\n').map((line) => line.replace(/^-I (\S+) 1 /, '-A $1 '))
      return Promise.resolve({ code: 0, lines: [], stderr: '' })
    },
  }
  return node
}

const files: HostFiles = {
  read: (path) => Promise.resolve(path.includes('status') ? 'CapEff:\t000001ffffffffff\n' : '1\n'),
  write: () => Promise.reject(new Error('nothing is to be written here')),
}

function redirectOn(
  node: FakeNode,
  options: { clock?: FakeClock; lockName?: string; config?: Partial<RedirectConfig> } = {},
): { redirect: Redirect; seen: string[] } {
  const seen: string[] = []
  const config: RedirectConfig = {
    addresses: { metadataIp: '169.254.169.254', metadataPort: 80, listenAddress: '127.0.0.1', listenPort: 0 },
    intervalMs: 60_000,
    backend: 'auto',
    cutConnections: 'try',
    removeOnStop: false,
    kubenet: { kubeletFile: '/etc/default/kubelet', allowed: false },
    ...options.config,
  }
  const redirect = createRedirect(config, {
    run: node.run,
    clock: options.clock ?? new FakeClock(),
    log: silentLog,
    metrics: {
      rulesChecked: (outcome) => seen.push(outcome),
      connectionsCut: (count) => seen.push(`cut ${count}`),
    },
    files,
    lockName: options.lockName ?? `podid-test-${randomUUID()}`,
  })
  return { redirect, seen }
}

test('start writes nat and raw by one call, then cuts older connections', linux, async () => {
  const node = fakeNode()
  const { redirect, seen } = redirectOn(node)
  await redirect.start()
  assert.equal(node.written.length, 1)
  assert.match(node.written[0] ?? '', /^\*nat\n[^*]*COMMIT\n\*raw\n[^*]*COMMIT\n$/)
  assert.deepEqual(seen, ['installed', 'cut 2'])
  assert.equal(redirect.status().active, true)
  await redirect.stop()
  assert.equal(node.written.length, 1)
})

test('a missing conntrack is tolerated', linux, async () => {
  const node = fakeNode()
  node.conntrack = 'missing'
  const { redirect } = redirectOn(node)
  await redirect.start()
  assert.equal(redirect.status().active, true)
  await redirect.stop()
})

test('as the old agent, if so configured: on stop the rules go, and 10 seconds pass', linux, async () => {
  const node = fakeNode()
  const clock = new FakeClock()
  const { redirect } = redirectOn(node, { clock, config: { removeOnStop: true } })
  await redirect.start()
  let stopped = false
  const stopping = (async () => {
    await redirect.stop()
    stopped = true
  })()
  await clock.advance(9_999)
  assert.match(node.written.at(-1) ?? '', /-X aad-metadata\n/)
  assert.equal(stopped, false)
  await clock.advance(1)
  await stopping
})

test('rules that cannot be written now are in the status and written later', linux, async () => {
  const node = fakeNode()
  node.failure = 'Another app is currently holding the xtables lock'
  const clock = new FakeClock()
  const { redirect, seen } = redirectOn(node, { clock })
  await redirect.start()
  assert.equal(redirect.status().active, false)
  assert.match(redirect.status().reason ?? '', /chain_missing, jump_missing.*holding the xtables lock/)
  node.failure = undefined
  await clock.advance(500)
  assert.equal(redirect.status().active, true)
  assert.deepEqual(seen, ['failed', 'installed', 'cut 2'])
  await redirect.stop()
})

test(
  'one node has one agent: the second is told who the first is, and gets the node when that stops',
  linux,
  async () => {
    const lockName = `podid-test-${randomUUID()}`
    const first = redirectOn(fakeNode(), { lockName }).redirect
    await first.start()
    const second = redirectOn(fakeNode(), { lockName }).redirect
    await assert.rejects(second.start(), new RegExp(`another node agent.*process ${process.pid}`))
    await assert.rejects(second.cleanup(), /another node agent/)
    await first.stop()
    await second.start()
    await second.stop()
  },
)

test('an agent that was refused holds the node no longer', linux, async () => {
  const lockName = `podid-test-${randomUUID()}`
  const config = { backend: 'legacy' } as const
  const refused = redirectOn(fakeNode(), { lockName, config }).redirect
  await assert.rejects(refused.start(), /iptables-legacy is not installed/)
  const next = redirectOn(fakeNode(), { lockName }).redirect
  await next.start()
  await next.stop()
})

test('a clean-up that was told to wait begins when the agent has ended, and not before', linux, async () => {
  const lockName = `podid-test-${randomUUID()}`
  const node = fakeNode()
  const agent = redirectOn(node, { lockName }).redirect
  await agent.start()
  const clock = new FakeClock()
  const cleaner = redirectOn(node, { lockName, clock }).redirect
  await assert.rejects(movedOn(clock, cleaner.cleanup(1_000)), /another node agent/)
  const cleaning = cleaner.cleanup(60_000)
  await clock.advance(10_000)
  await agent.stop()
  assert.deepEqual(await movedOn(clock, cleaning), ['iptables nft: redirect rules removed'])
})

/** Moves the clock until the work is done: its sockets are real and take their own time. */
async function movedOn<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const state = { done: false }
  const noted = work.finally(() => {
    state.done = true
  })
  noted.catch(() => {})
  while (!state.done) await clock.advance(100)
  return noted
}

test('clean-up says what it removed, and that there was nothing the second time', linux, async () => {
  const node = fakeNode()
  const { redirect } = redirectOn(node)
  await redirect.start()
  await redirect.stop()
  const cleaner = redirectOn(node).redirect
  assert.deepEqual(await cleaner.cleanup(), ['iptables nft: redirect rules removed'])
  assert.deepEqual(await cleaner.cleanup(), ['iptables nft: nothing to remove'])
})
