import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import {
  type ProcessOptions,
  type ProcessResult,
  type RunningProcess,
  runProcess,
  startProcess,
} from './process.ts'
import type { Sysctl } from './topology.ts'

const SETUP_DEADLINE_MS = 15_000

/** Host name to address, for the namespace's own /etc/hosts. */
export type HostEntries = Readonly<Record<string, string>>

/** One network namespace that the sandbox made. */
export interface Namespace {
  readonly name: string
  /** `ip -batch` lines inside the namespace. */
  ip(lines: readonly string[]): Promise<void>
  sysctl(settings: readonly Sysctl[]): Promise<void>
  /** Writes the /etc/hosts and the empty /etc/resolv.conf that processes in the namespace see. */
  setHosts(entries: HostEntries): Promise<void>
  start(argv: readonly string[], options?: ProcessOptions): RunningProcess
  /** Runs to the end. @throws Error when the status is not 0. */
  run(argv: readonly string[], options?: ProcessOptions): Promise<ProcessResult>
}

export async function createNamespace(name: string, clock: Clock): Promise<Namespace> {
  await runProcess(['ip', 'netns', 'add', name], clock, { deadlineMs: SETUP_DEADLINE_MS })
  const inside = (argv: readonly string[]): string[] => ['ip', 'netns', 'exec', name, ...argv]
  return {
    name,
    ip: (lines) => batch(['-n', name], lines, clock),
    async sysctl(settings) {
      // procps is not everywhere; a setting that this kernel does not have is not needed either.
      const script =
        'while read -r key value; do [ ! -e "/proc/sys/$key" ] || echo "$value" > "/proc/sys/$key"; done'
      const stdin = settings.map(([key, value]) => `${key} ${value}\n`).join('')
      await runProcess(inside(['sh', '-e', '-c', script]), clock, { stdin, deadlineMs: SETUP_DEADLINE_MS })
    },
    async setHosts(entries) {
      const directory = join('/etc/netns', name)
      await mkdir(directory, { recursive: true })
      const own = ['127.0.0.1 localhost', '::1 localhost']
      const lines = [...own, ...Object.entries(entries).map(([host, address]) => `${address} ${host}`)]
      await writeFile(join(directory, 'hosts'), `${lines.join('\n')}\n`)
      await writeFile(join(directory, 'resolv.conf'), '# no name server: every name is in the hosts file\n')
    },
    start: (argv, options = {}) => startProcess(inside(argv), clock, options),
    run: (argv, options = {}) => runProcess(inside(argv), clock, options),
  }
}

/** Runs `ip -batch` with one process for all lines. @throws Error naming the line that failed. */
export async function batch(flags: readonly string[], lines: readonly string[], clock: Clock): Promise<void> {
  await runProcess(['ip', ...flags, '-batch', '-'], clock, {
    stdin: `${lines.join('\n')}\n`,
    deadlineMs: SETUP_DEADLINE_MS,
  })
}

export async function deleteNamespace(name: string, clock: Clock): Promise<void> {
  const script =
    'pids=$(ip netns pids "$1"); [ -z "$pids" ] || kill -KILL $pids; ip netns del "$1"; rm -rf "/etc/netns/$1"'
  await runProcess(['sh', '-c', script, 'sh', name], clock, { deadlineMs: SETUP_DEADLINE_MS })
}
