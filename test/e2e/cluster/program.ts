/** Programs of the cluster: each writes to a file of its own and is ended by its pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type FileHandle, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../src/base/clock.ts'
import { codeOf } from '../../../src/base/errors.ts'

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const STOP_GRACE_MS = 5_000

export interface Program {
  readonly name: string
  readonly pid: number | undefined
  readonly running: boolean
  /** Starts it (again); what it writes is added to its log. */
  start(): Promise<void>
  /** SIGTERM, after 5 s SIGKILL; resolves when it is gone. */
  stop(): Promise<void>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

export interface ProgramOptions {
  readonly name: string
  readonly argv: readonly string[]
  /** Folder of the log files. */
  readonly logs: string
  /** Folder where its pid stands while it runs, for whoever cleans up after a dead harness. */
  readonly pids: string
  readonly env?: Readonly<Record<string, string>>
  readonly clock: Clock
}

export function createProgram({ name, argv, logs, pids, env, clock }: ProgramOptions): Program {
  let child: ChildProcess | undefined
  const running = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const mine = child
    if (mine === undefined || !running()) return
    const gone = once(mine, 'exit')
    mine.kill(signal)
    const timer = clock.after(STOP_GRACE_MS, () => mine.kill('SIGKILL'))
    await gone
    timer.cancel()
  }
  return {
    name,
    get pid() {
      return child?.pid
    },
    get running() {
      return running()
    },
    async start() {
      if (running()) throw new Error(`${name} runs already`)
      const file = await open(join(logs, `${name}.log`), 'a')
      try {
        child = await spawned(argv, file, env)
      } finally {
        await file.close()
      }
      const { pid = 0 } = child
      await writeFile(join(pids, name), `${pid} ${processStart(pid) ?? ''}`)
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

async function spawned(
  [file = '', ...args]: readonly string[],
  log: FileHandle,
  env: ProgramOptions['env'],
): Promise<ChildProcess> {
  const child = spawn(file, args, {
    // Ctrl-C is for the harness, which ends its programs in order.
    detached: true,
    env: { PATH: SYSTEM_PATH, HOME: '/root', ...env },
    stdio: ['ignore', log.fd, log.fd],
  })
  await once(child, 'spawn')
  return child
}

/** Start time of a process in clock ticks (field 22 of /proc/pid/stat): a pid alone may be reused. */
export function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT' || codeOf(thrown) === 'ESRCH') return undefined
    throw thrown
  }
}
