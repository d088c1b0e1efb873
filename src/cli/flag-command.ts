import { Command, InvalidArgumentError, Option } from 'commander'
import { OperatorError } from '../base/errors.ts'
import type { Flag, FlagTable, ValuesOf } from './flag.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** A commander command whose options are a table of flags. */
export function flagCommand(name: string, summary: string, table: FlagTable): Command {
  const command = new Command(name).description(summary).allowExcessArguments(false)
  for (const [flagName, flag] of Object.entries(table)) command.addOption(optionOf(flagName, flag))
  return command
}

/**
 * Values of a parsed command: the command line, else the environment, else the default.
 * @throws OperatorError for an environment variable that cannot be read.
 */
export function flagValues<Table extends FlagTable>(
  command: Command,
  table: Table,
  environment: Environment,
): ValuesOf<Table> {
  const values = Object.entries(table).map(([name, flag]) => [
    name,
    valueOf(command, name, flag, environment),
  ])
  // The entries were made from the table itself, name by name and value by its own parser.
  return Object.fromEntries(values) as ValuesOf<Table>
}

function valueOf(command: Command, name: string, flag: Flag<unknown>, environment: Environment): unknown {
  const given: unknown = command.getOptionValue(attributeOf(name))
  if (given === true && flag.placeholder === undefined) return true
  if (given !== undefined) return given
  const fromEnvironment = flag.env === undefined ? undefined : environment[flag.env]
  if (fromEnvironment === undefined || fromEnvironment === '') return flag.default
  try {
    return flag.parse(fromEnvironment)
  } catch (thrown) {
    if (!(thrown instanceof InvalidArgumentError)) throw thrown
    throw new OperatorError(
      `environment variable ${flag.env} is ${JSON.stringify(fromEnvironment)}: ${thrown.message}`,
      {
        cause: thrown,
      },
    )
  }
}

function optionOf(name: string, flag: Flag<unknown>): Option {
  const value = flag.placeholder === undefined ? '[true|false]' : `<${flag.placeholder}>`
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const shown = flag.shown === '' ? '' : ` (default ${flag.shown})`
  const environment = flag.env === undefined ? '' : ` [env ${flag.env}]`
  return new Option(`${short}--${name} ${value}`, `${flag.help}${shown}${environment}`).argParser((text) =>
    flag.parse(text),
  )
}

function attributeOf(name: string): string {
  return new Option(`--${name} <value>`).attributeName()
}

/**
 * Go's flag package takes `-kubeconfig x` for `--kubeconfig x`; old manifests hold both. A single dash
 * before the name of a known flag becomes a double one, and so `-v=2`, where commander would take `=2` for
 * the value. An unknown `--flag=value` is cut in two, so that
 * the error is about the flag and its nearest neighbour is found.
 */
export function withDoubleDashes(argv: readonly string[], names: ReadonlySet<string>): string[] {
  return argv.flatMap((argument) => {
    const [, dashes = '', name = '', value] = /^(--?)([A-Za-z][\w-]*)(=.*)?$/s.exec(argument) ?? []
    if (dashes === '-' && names.has(name)) return `-${argument}`
    if (dashes === '--' && value !== undefined && !names.has(name)) return [`--${name}`, value.slice(1)]
    return argument
  })
}
