import { Command, CommanderError } from 'commander'
import packageJson from '../../package.json' with { type: 'json' }
import type { FlagTable } from './flag.ts'
import { type Environment, flagCommand, withDoubleDashes } from './flag-command.ts'
import type { Invocation } from './invocation.ts'
import { KEYVAULT_PROVIDER_FLAGS } from './keyvault-provider-flags.ts'
import { MIC_FLAGS } from './mic-flags.ts'
import { NMI_FLAGS } from './nmi-flags.ts'
import { AWAIT_FLAGS, CRDS_FLAGS, DEMO_FLAGS, EMULATOR_FLAGS, EXPLAIN_FLAGS } from './tool-flags.ts'

const VERSION: string = packageJson.version

type Run = (invocation: Invocation) => Promise<number>

/** The exit code of a command line that cannot be read, as most Unix programs have it. */
const EXIT_USAGE = 2

/**
 * Reads the command line and runs the subcommand. Each is loaded when it is called, so the node agent
 * never loads the controller's libraries.
 */
export async function runProgram(
  argv: readonly string[],
  environment: Environment,
  stop: AbortSignal,
): Promise<number> {
  let exitCode = 0
  const program = new Command('podid')
    .description('A cloud identity for every Kubernetes pod, with no secret.')
    .version(VERSION)
    .showSuggestionAfterError()
    .exitOverride()
  const names = new Set<string>()
  const add = (parent: Command, command: Command, table: FlagTable, run: Run): void => {
    for (const name of Object.keys(table)) names.add(name)
    command
      .version(VERSION)
      .exitOverride()
      .action(async () => {
        exitCode = await run({ command, environment, stop })
      })
    parent.addCommand(command)
  }

  add(
    program,
    flagCommand('nmi', 'the node agent: answers the pods of this node with tokens', NMI_FLAGS),
    NMI_FLAGS,
    async (call) => (await import('./nmi.ts')).runNmi(call),
  )
  add(
    program,
    flagCommand('mic', 'the controller: assigns identities to nodes', MIC_FLAGS),
    MIC_FLAGS,
    async (call) => (await import('./mic.ts')).runMic(call),
  )
  add(
    program,
    flagCommand(
      'keyvault-provider',
      'the Key Vault provider of the Secrets Store CSI driver: fills volumes of pods on this node',
      KEYVAULT_PROVIDER_FLAGS,
    ),
    KEYVAULT_PROVIDER_FLAGS,
    async (call) => (await import('./keyvault-provider.ts')).runKeyvaultProvider(call),
  )
  const explain = flagCommand(
    'explain',
    'says why a pod gets a token, or which link is missing',
    EXPLAIN_FLAGS,
  )
  explain.argument('<pod>', 'namespace/name of the pod')
  add(program, explain, EXPLAIN_FLAGS, async (call) => (await import('./explain.ts')).runExplain(call))
  add(
    program,
    flagCommand('crds', 'brings the custom resource definitions of a cluster up to date', CRDS_FLAGS),
    CRDS_FLAGS,
    async (call) => (await import('./crds.ts')).runCrds(call),
  )
  add(
    program,
    flagCommand('await', 'waits until every pod of a DaemonSet is ready', AWAIT_FLAGS),
    AWAIT_FLAGS,
    async (call) => (await import('./await.ts')).runAwait(call),
  )
  add(
    program,
    flagCommand('demo', 'the main job end to end, without a cloud or a cluster', DEMO_FLAGS),
    DEMO_FLAGS,
    async (call) => (await import('./demo.ts')).runDemo(call),
  )
  const emulator = flagCommand('emulator', 'a small Azure or Kubernetes API for tests', EMULATOR_FLAGS)
  emulator.argument('<what>', 'azure or kube')
  add(program, emulator, EMULATOR_FLAGS, async (call) => (await import('./emulator.ts')).runEmulator(call))

  try {
    await program.parseAsync(withDoubleDashes(argv, names), { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    return thrown.exitCode === 0 ? 0 : EXIT_USAGE
  }
  return exitCode
}
