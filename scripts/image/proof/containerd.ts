import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningProcess, startProcess } from '../../../emulator/node/process.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { sleep } from '../../../src/base/deadline.ts'
import { run } from '../command.ts'

export interface Containerd {
  /** Runs `ctr` against it, in the namespace of Kubernetes. @throws CommandFailed */
  ctr(...args: readonly string[]): Promise<string>
  stop(): Promise<void>
}

const READY_TRIES = 100
const TRY_MS = 100

/**
 * Starts a containerd of its own: root, state and socket below `folder`, no plugin that touches the machine.
 * @throws Error with its last words when it does not start
 */
export async function startContainerd(folder: string): Promise<Containerd> {
  const socket = join(folder, 'containerd.sock')
  const config = join(folder, 'containerd.toml')
  await mkdir(folder, { recursive: true })
  await writeFile(config, configOf(folder, socket))
  const said: string[] = []
  // Its processes and mounts are its own, and so is the folder that shims and runc use whatever its
  // configuration says: what is cut short ends with it.
  const apart = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const start =
    'mkdir -p /run/containerd && mount -t tmpfs tmpfs /run/containerd && exec containerd --config "$0"'
  const daemon = startProcess([...apart, 'sh', '-c', start, config], systemClock, {
    onLine(line) {
      said.push(line)
      if (said.length > 20) said.shift()
    },
  })
  const containerd: Containerd = {
    ctr: (...args) => run('ctr', ['--address', socket, '--namespace', 'k8s.io', ...args]),
    stop: () => daemon.stop(),
  }
  try {
    await untilReady(containerd, daemon)
  } catch (thrown) {
    await daemon.stop()
    throw new Error(`containerd does not start: ${said.join('\n')}`, { cause: thrown })
  }
  return containerd
}

async function untilReady(containerd: Containerd, daemon: RunningProcess): Promise<void> {
  const ended = daemon.done.then(() => {
    throw new Error('it ended')
  })
  ended.catch(() => {})
  for (let tries = 1; ; tries += 1) {
    try {
      await Promise.race([ended, containerd.ctr('version')])
      return
    } catch (thrown) {
      if (tries === READY_TRIES || (thrown instanceof Error && thrown.message === 'it ended')) throw thrown
      await sleep(systemClock, TRY_MS)
    }
  }
}

function configOf(folder: string, socket: string): string {
  const disabled = [
    'io.containerd.grpc.v1.cri',
    'io.containerd.internal.v1.opt',
    ...['aufs', 'btrfs', 'devmapper', 'zfs'].map((name) => `io.containerd.snapshotter.v1.${name}`),
  ]
  return `version = 2
root = ${JSON.stringify(join(folder, 'root'))}
state = ${JSON.stringify(join(folder, 'state'))}
disabled_plugins = ${JSON.stringify(disabled)}
[grpc]
  address = ${JSON.stringify(socket)}
`
}
