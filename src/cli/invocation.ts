import type { Command } from 'commander'
import type { Environment } from './flag-command.ts'

/** What a subcommand gets; it returns the exit code. */
export interface Invocation {
  readonly command: Command
  readonly environment: Environment
  /** Aborts on SIGINT and SIGTERM. */
  readonly stop: AbortSignal
}
