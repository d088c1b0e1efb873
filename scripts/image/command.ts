import { execFile } from 'node:child_process'

/** A program that failed, could not be started or ran too long; the message ends with what it said. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  /** The end of what it wrote to standard error. */
  readonly said: string

  constructor(file: string, said: string, cause: unknown) {
    super(`${file} failed: ${said}`, { cause })
    this.said = said
  }
}

export interface CommandOptions {
  readonly cwd?: string
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds; five minutes when not given. */
  readonly deadlineMs?: number
}

const DEADLINE_MS = 5 * 60_000
const MOST_OUTPUT_BYTES = 64 * 1024 * 1024
const KEPT_CHARACTERS = 2_000

/** Runs a program (no shell) and gives what it wrote to standard output. @throws CommandFailed */
export function run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { cwd, env, deadlineMs = DEADLINE_MS } = options
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      {
        cwd,
        env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
        timeout: deadlineMs,
        killSignal: 'SIGKILL',
        maxBuffer: MOST_OUTPUT_BYTES,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new CommandFailed(file, (stderr.trim() || error.message).slice(-KEPT_CHARACTERS), error))
      },
    )
  })
}
