import { readdirSync, readFileSync } from 'node:fs'
import { createNodeSandbox } from '../../emulator/node/sandbox.ts'
import { systemClock } from '../../src/base/clock.ts'

/**
 * Makes a sandbox with a busy pod, prints its name, and never closes it: the tests end this process in
 * unfriendly ways. With `without-janitor` it first ends the small process that would clean up.
 */
const sandbox = await createNodeSandbox({ clock: systemClock, shape: 'routed', prefix: 'podidown' })
const pod = await sandbox.startPod({ name: 'busy' })
pod.run(['sleep', '600'])
if (process.argv[2] === 'without-janitor') endJanitor(sandbox.name)
process.stdout.write(`${sandbox.name}\n`)
process.stdin.resume()

/** The janitor is the child of this process whose arguments name the sandbox. */
function endJanitor(name: string): void {
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const isJanitor = parent === String(process.pid) && argv[0] === 'sh' && argv.includes(name)
      if (isJanitor) process.kill(Number(pid), 'SIGKILL')
    } catch {
      // Processes come and go while the list is read.
    }
  }
}
