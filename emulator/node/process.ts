import { type ChildProcess, spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import type { Clock } from '../../src/base/clock.ts'
import { DeadlineError } from '../../src/base/deadline.ts'
import { asError, codeOf } from '../../src/base/errors.ts'

export interface ProcessOptions {
  /** The whole environment next to PATH and HOME: nothing is inherited from the caller. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Written to the process, then its input ends. Without it the input is empty. */
  readonly stdin?: string
  /** Leaves the input open for `process.stdin.write`. */
  readonly interactive?: boolean
  /** Ends the process when it aborts; `done` then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Longest life, milliseconds; `done` then rejects with a DeadlineError. Unlimited unless told. */
  readonly deadlineMs?: number
  /** Every line while it is written, for those who show or wait for output. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
}

export interface ProcessResult {
  /** Exit status; undefined when a signal ended the process. */
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
  /** At most the first MiB of each stream. */
  readonly stdout: string
  readonly stderr: string
}

export interface RunningProcess {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined
  readonly stdin: Writable
  /** Settles when the process is gone and its output read. Rejects when it was cut or never started. */
  readonly done: Promise<ProcessResult>
  /** A signal to the process and its children. Nothing happens when it is gone. */
  kill(signal: NodeJS.Signals): void
  /** SIGTERM, after `graceMs` (2,000 unless told) SIGKILL; resolves when it is gone. */
  stop(graceMs?: number): Promise<void>
}

const KEPT_BYTES = 1024 * 1024
const STOP_GRACE_MS = 2_000
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Starts a program (no shell) as leader of its own process group, so that its children end with it. */
export function startProcess(argv: readonly string[], clock: Clock, options: ProcessOptions): RunningProcess {
  const [file = '', ...args] = argv
  const child = spawn(file, args, {
    env: { PATH: `${dirname(process.execPath)}:${SYSTEM_PATH}`, HOME: '/root', ...options.env },
    cwd: options.cwd,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  // A process that ends before it read its input is no error here: its exit status tells the story.
  child.stdin.on('error', () => {})
  if (options.interactive !== true) child.stdin.end(options.stdin ?? '')
  let gone = false
  child.once('exit', () => {
    // What it started must not hold its output open or outlive it.
    killGroup(child, 'SIGKILL')
    gone = true
  })
  const kill = (signal: NodeJS.Signals): void => {
    if (!gone) killGroup(child, signal)
  }
  const done = settle(child, clock, options)
  done.catch(() => {})
  return {
    pid: child.pid,
    stdin: child.stdin,
    done,
    kill,
    async stop(graceMs = STOP_GRACE_MS) {
      kill('SIGTERM')
      const timer = clock.after(graceMs, () => kill('SIGKILL'))
      await done.catch(() => {})
      timer.cancel()
    },
  }
}

async function settle(child: ChildProcess, clock: Clock, options: ProcessOptions): Promise<ProcessResult> {
  const { signal, deadlineMs } = options
  let cut: Error | undefined
  const end = (reason: Error): void => {
    cut ??= reason
    killGroup(child, 'SIGKILL')
  }
  const onAbort = (): void => end(asError(signal?.reason))
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer =
    deadlineMs === undefined
      ? undefined
      : clock.after(deadlineMs, () => end(new DeadlineError(child.spawnargs.join(' '), deadlineMs)))
  try {
    const [exit, stdout, stderr] = await Promise.all([
      exitOf(child),
      collect(child, 'stdout', options.onLine),
      collect(child, 'stderr', options.onLine),
    ])
    if (cut !== undefined) throw cut
    return { ...exit, stdout, stderr }
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', onAbort)
  }
}

function exitOf(child: ChildProcess): Promise<Pick<ProcessResult, 'code' | 'signal'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<ProcessResult, 'code' | 'signal'>>()
  child.once('error', reject)
  child.once('close', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }))
  return promise
}

async function collect(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  onLine: ProcessOptions['onLine'],
): Promise<string> {
  const input = child[name]
  if (input === null) return ''
  let text = ''
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (text.length + line.length < KEPT_BYTES) text += `${line}\n`
    onLine?.(line, name)
  }
  return text
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (thrown) {
    // ESRCH: the whole group is gone.
    if (codeOf(thrown) !== 'ESRCH') throw thrown
  }
}

/** Runs a program to its end. @throws Error with its last words when the status is not 0. */
export async function runProcess(
  argv: readonly string[],
  clock: Clock,
  options: ProcessOptions,
): Promise<ProcessResult> {
  const result = await startProcess(argv, clock, options).done
  if (result.code === 0) return result
  const how = result.code === undefined ? `signal ${String(result.signal)}` : `status ${result.code}`
  throw new Error(`${argv.join(' ')}: ${how}: ${lastLines(result)}`)
}

function lastLines(result: ProcessResult): string {
  const text = result.stderr.trim() === '' ? result.stdout : result.stderr
  return text.trim().split('\n').slice(-5).join('; ')
}
