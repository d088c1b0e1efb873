import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import type { Clock } from '../../src/base/clock.ts'
import { runProcess } from './process.ts'

/**
 * Removes everything that bears a sandbox's name, from any state it was left in, and can be run again.
 * In shell so that it also works when the process that made the sandbox is dead.
 * $1 name, $2 claim file.
 */
const REMOVE = `
remove() {
  ip link del "$1" 2>/dev/null
  for ns in $(ip netns list | sed 's/ .*//' | grep "^$1-"); do
    pids=$(ip netns pids "$ns")
    [ -n "$pids" ] && kill -KILL $pids 2>/dev/null
    ip netns del "$ns"
    rm -rf "/etc/netns/$ns"
  done
  rm -f "$2"
}`

/**
 * Waits for its input to end, which also happens when the writer is killed, and then cleans up. Taking
 * the claim away first makes sure that nobody else is at it, or has the number anew by then.
 */
const JANITOR = `${REMOVE}
trap '' INT TERM HUP
read -r word
[ "$word" = done ] && exit 0
mine="\${2%.claim}.removing-$$"
mv "$2" "$mine" 2>/dev/null || exit 0
remove "$1" "$mine"`

const REMOVE_DEADLINE_MS = 30_000

export async function removeSandbox(name: string, claimFile: string, clock: Clock): Promise<void> {
  const argv = ['sh', '-c', `${REMOVE}\nremove "$1" "$2"`, 'sh', name, claimFile]
  await runProcess(argv, clock, { deadlineMs: REMOVE_DEADLINE_MS })
}

/** A small process that outlives this one and removes the sandbox if nobody else did. */
export interface Janitor {
  /** The sandbox is gone already: the janitor leaves. */
  dismiss(): void
}

export function startJanitor(name: string, claimFile: string): Janitor {
  const child = spawn('sh', ['-c', JANITOR, 'sh', name, claimFile], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  // The pipe itself must not keep this process alive either.
  if (child.stdin instanceof Socket) child.stdin.unref()
  return {
    dismiss() {
      child.stdin.end('done\n')
    },
  }
}
