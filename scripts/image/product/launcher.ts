/** Where the program lies in the image. */
export const PROGRAM_FOLDER = 'usr/lib/podid'
/** The image's entry point. */
export const LAUNCHER_PATH = 'usr/bin/podid'

/**
 * The entry point. Some of the flags that keep the node agent small are no business of NODE_OPTIONS, and all
 * of them must be there when Node starts; without a shell it takes Node to add them. So for a component
 * that has flags the first Node replaces itself (execve: same process, none of its memory stays, 25 ms);
 * the other subcommands just run.
 * @param flags by subcommand
 */
export function launcherText(flags: Readonly<Record<string, readonly string[]>>): string {
  return `#!/usr/bin/node
'use strict'
const flags = new Map(Object.entries(${JSON.stringify(flags)})).get(process.argv[2])
const program = '/${PROGRAM_FOLDER}/dist/podid.js'
if (flags === undefined) import(program)
else process.execve(process.execPath, [process.execPath, ...flags, program, ...process.argv.slice(2)], process.env)
`
}
