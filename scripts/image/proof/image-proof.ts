import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { run } from '../command.ts'
import type { Product } from '../product/product-image.ts'
import { removeCells } from './cell.ts'
import { startContainerd } from './containerd.ts'
import { surveyContents, tryRedirect } from './contents.ts'
import { tryComponents } from './readiness.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const EXIT_INTERRUPTED = 130
const NEEDED = ['containerd', 'ctr', 'ip', 'runc', 'sysctl', 'unshare']

/**
 * Runs the image for real: containerd takes the archive, runc starts it as the image says and as manifests
 * would, in a network namespace that is made for it. All of it is gone afterwards.
 * @throws Error when this machine cannot do that, or when the image does not do what it should
 */
export async function proveImage(
  { archive, names }: Product,
  version: string,
  say: (line: string) => void,
): Promise<void> {
  refuseMachine()
  const [name = ''] = names
  const folder = await mkdtemp(join(tmpdir(), 'podid-proof-'))
  const networkName = `podid-image-${process.pid}`
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const interruption = new AbortController()
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= undoAll())
  async function undoAll(): Promise<void> {
    const failed: unknown[] = []
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) {
      await last().catch((thrown: unknown) => failed.push(thrown))
    }
    if (failed.length > 0) throw new AggregateError(failed, 'not all that the proof made is gone')
  }

  // containerd outlives this process unless it is told to end.
  const interrupted = (): void => {
    interruption.abort(new Error('interrupted'))
    void close().finally(() => process.exit(EXIT_INTERRUPTED))
  }
  for (const signal of SIGNALS) process.once(signal, interrupted)
  try {
    const containerd = await startContainerd(join(folder, 'containerd'))
    undo.push(() => containerd.stop())
    await containerd.ctr('images', 'import', archive)
    await run('ip', ['netns', 'add', networkName])
    undo.push(() => run('ip', ['netns', 'delete', networkName]))
    await run('ip', ['-n', networkName, 'link', 'set', 'lo', 'up'])
    // A container may not write below /proc/sys; on a node it is set, or the agent listens elsewhere.
    const localnet = 'net.ipv4.conf.all.route_localnet=1'
    await run('ip', ['netns', 'exec', networkName, 'sysctl', '--quiet', '--write', localnet])

    const started = performance.now()
    // Without a cgroup: an interrupted run would leave it.
    const how = ['--rm', '--read-only', '--cgroup=', `--fifo-dir=${join(folder, 'fifo')}`]
    const runIt = (id: string, ...argv: readonly string[]): Promise<string> =>
      containerd.ctr('run', ...how, name, id, ...argv)
    const told = await runIt('version', '/usr/bin/podid', '--version')
    if (told.trim() !== version) throw new Error(`--version says ${told}`)
    say(
      `containerd runs it read-only; --version in ${Math.round(performance.now() - started)} ms (ctr and runc included)`,
    )
    const ids = await runIt('ids', '/usr/bin/node', '-p', '`${process.getuid()}:${process.getgid()}`')
    if (ids.trim() !== '65532:65532') throw new Error(`it runs as ${ids}`)
    say('its user is 65532, its group 65532')
    await runIt('help')
    say('without arguments it prints its help')

    const root = join(folder, 'image')
    await mkdir(root)
    // As a kubelet has it: the folders of mounts are made first, then the root becomes read-only.
    await containerd.ctr('images', 'mount', '--rw', name, root)
    undo.push(() => run('umount', [root]))
    const tmp = join(folder, 'tmp')
    await run('install', ['--directory', '--mode=1777', tmp])
    undo.push(() => removeCells(folder))
    const place = {
      folder,
      root,
      network: join('/run/netns', networkName),
      networkName,
      signal: interruption.signal,
    }
    say(await surveyContents(place))
    say(await tryRedirect(place))
    for (const line of await tryComponents(place)) say(line)
  } finally {
    await close()
    for (const signal of SIGNALS) process.off(signal, interrupted)
  }
}

function refuseMachine(): void {
  if (process.getuid?.() !== 0)
    throw new Error('to run the image takes root (network namespaces, containerd)')
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const missing = NEEDED.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
  if (missing.length > 0) {
    throw new Error(
      `to run the image takes ${missing.join(', ')}: scripts/install-system.sh --cluster installs them`,
    )
  }
}
