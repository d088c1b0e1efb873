import { CommandError, type CommandRunner } from './command-runner.ts'

const PROGRAM = 'conntrack'

/** Only what IMDS itself answers: a connection that is redirected is answered by an agent, and goes on. */
export function cutArguments(metadataIp: string, metadataPort: number): string[] {
  return ['-D', '-p', 'tcp', '-d', metadataIp, '--dport', String(metadataPort), '--reply-src', metadataIp]
}

/** True when the program that cuts connections is installed. */
export async function canCutConnections(run: CommandRunner): Promise<boolean> {
  try {
    await run({ file: PROGRAM, args: ['--version'] })
    return true
  } catch (thrown) {
    if (thrown instanceof CommandError && thrown.missing) return false
    throw thrown
  }
}

/**
 * Makes the kernel forget connections to the metadata address that are older than the redirect: their
 * next packet meets the rules anew and the client gets a reset. Returns how many there were.
 * @throws Error with what the program said; CommandError when it is not installed.
 */
export async function cutConnections(
  run: CommandRunner,
  metadata: { readonly ip: string; readonly port: number },
): Promise<number> {
  const args = cutArguments(metadata.ip, metadata.port)
  const { code, stderr } = await run({ file: PROGRAM, args, keepLine: () => false })
  const count = /(\d+) flow entries have been deleted/.exec(stderr)?.[1]
  // Status 1 is also how it says that there was nothing to delete.
  if (code !== 0 && count === undefined) throw new Error(`${PROGRAM}: ${stderr || `status ${code}`}`)
  return Number(count ?? 0)
}
