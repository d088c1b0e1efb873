import { errorText, OperatorError } from './base/errors.ts'
import { runProgram } from './cli/program.ts'

/** The only file that touches signals and the exit code. */

const EXIT_INTERRUPTED = 130

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The first signal asks for an orderly end, a second one takes it.
    if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED)
    stop.abort(new Error(`received ${signal}`))
  })
}

// A reader that went away or a full disk must not end an agent that pods depend on.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  const code = await runProgram(process.argv.slice(2), process.env, stop.signal)
  process.exit(code)
} catch (thrown) {
  // A stack helps nobody who gave a wrong flag or has no permission.
  const text =
    thrown instanceof OperatorError
      ? thrown.message
      : thrown instanceof Error
        ? thrown.stack
        : errorText(thrown)
  process.stderr.write(`podid: ${text}\n`)
  process.exit(1)
}
