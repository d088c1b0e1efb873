import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { codeOf, errorText } from '../../base/errors.ts'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  /** Written to the program's standard input, which then ends. */
  readonly stdin?: string
  /** Which lines of standard output are kept; all unless told. A busy node's rules are many megabytes. */
  readonly keepLine?: (line: string) => boolean
  readonly signal?: AbortSignal | undefined
}

export interface CommandResult {
  readonly code: number
  /** The kept lines of standard output. */
  readonly lines: readonly string[]
  /** The beginning of standard error, trimmed. */
  readonly stderr: string
}

/** Runs a program with its arguments as they are: there is no shell. A status other than 0 is a result. */
export type CommandRunner = (command: Command) => Promise<CommandResult>

/** The program could not be run, was cut by its deadline, or said too much. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** True when the program is not installed. */
  readonly missing: boolean

  constructor(file: string, cause: unknown) {
    const missing = codeOf(cause) === 'ENOENT'
    super(missing ? `${file} is not installed` : `${file}: ${errorText(cause)}`, { cause })
    this.missing = missing
  }
}

const COMMAND_DEADLINE_MS = 20_000
const KEPT_CHARACTERS = 1024 * 1024
const STDERR_CHARACTERS = 4096

/** @throws CommandError from the runner, never for a mere exit status. */
export function createCommandRunner(clock: Clock): CommandRunner {
  return async (command) => {
    const { file, args, signal } = command
    const deadline = { clock, ms: COMMAND_DEADLINE_MS, what: [file, ...args].join(' '), parent: signal }
    try {
      return await withDeadline(deadline, (inner) => runOnce(command, inner))
    } catch (thrown) {
      throw new CommandError(file, thrown)
    }
  }
}

async function runOnce(command: Command, signal: AbortSignal): Promise<CommandResult> {
  const child = spawn(command.file, command.args, { stdio: 'pipe', signal, killSignal: 'SIGKILL' })
  // A program that fails before it read its input tells so by its status.
  child.stdin.on('error', () => {})
  child.stdin.end(command.stdin ?? '')
  try {
    const [code, lines, stderr] = await Promise.all([
      exitOf(child),
      keptLines(child.stdout, command.keepLine ?? (() => true)),
      beginning(child.stderr),
    ])
    return { code, lines, stderr: stderr.trim() }
  } catch (thrown) {
    // One that says too much would wait for ever for somebody to read on.
    child.kill('SIGKILL')
    throw thrown
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', reject)
  child.once('close', (code, signal) => {
    if (code === null) reject(new Error(`ended by ${String(signal)}`))
    else resolve(code)
  })
  return promise
}

async function keptLines(input: Readable, keep: (line: string) => boolean): Promise<string[]> {
  const lines: string[] = []
  let characters = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (!keep(line)) continue
    characters += line.length
    if (characters > KEPT_CHARACTERS) throw new Error(`more than ${KEPT_CHARACTERS} characters of output`)
    lines.push(line)
  }
  return lines
}

async function beginning(input: Readable): Promise<string> {
  let text = ''
  for await (const chunk of input.setEncoding('utf8')) {
    if (text.length < STDERR_CHARACTERS) text += String(chunk).slice(0, STDERR_CHARACTERS - text.length)
  }
  return text
}
