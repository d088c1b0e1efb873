import type { FlagTable, ValuesOf } from '../../src/cli/flag.ts'
import { type Environment, flagCommand, flagValues, withDoubleDashes } from '../../src/cli/flag-command.ts'
import { KEYVAULT_PROVIDER_FLAGS } from '../../src/cli/keyvault-provider-flags.ts'
import { MIC_FLAGS } from '../../src/cli/mic-flags.ts'
import { NMI_FLAGS } from '../../src/cli/nmi-flags.ts'
import type { Container } from './chart.ts'

/** The arguments of a container, read as the program itself reads them. @throws Error for one that it does not know. */
function parsed<Table extends FlagTable>(name: string, table: Table, container: Container): ValuesOf<Table> {
  const [subcommand, ...rest] = container.args
  if (subcommand !== name) throw new Error(`the container runs ${subcommand}`)
  const command = flagCommand(name, '', table).exitOverride()
  command.configureOutput({ writeErr: () => {} })
  command.parse(withDoubleDashes(rest, new Set(Object.keys(table))), { from: 'user' })
  const environment: Environment = Object.fromEntries(
    (container.env ?? []).map((each) => [each.name, each.value]),
  )
  return flagValues(command, table, environment)
}

export const nmiFlags = (container: Container): ValuesOf<typeof NMI_FLAGS> =>
  parsed('nmi', NMI_FLAGS, container)

export const micFlags = (container: Container): ValuesOf<typeof MIC_FLAGS> =>
  parsed('mic', MIC_FLAGS, container)

export const keyVaultFlags = (container: Container): ValuesOf<typeof KEYVAULT_PROVIDER_FLAGS> =>
  parsed('keyvault-provider', KEYVAULT_PROVIDER_FLAGS, container)
