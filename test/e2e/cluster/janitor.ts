import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { join } from 'node:path'

/** A small process that outlives this one and removes the cluster if nobody else did. */
export function startJanitor(index: number): { dismiss(): void } {
  // Its input also ends when this process is killed.
  const script = 'trap "" INT TERM HUP; read -r word; [ "$word" = done ] || exec "$@"'
  const remove = [process.execPath, join(import.meta.dirname, 'remove.ts'), String(index)]
  const child = spawn('sh', ['-c', script, 'sh', ...remove], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  child.stdin.on('error', () => child.stdin.destroy())
  child.unref()
  // The pipe itself must not keep this process alive either.
  if (child.stdin instanceof Socket) child.stdin.unref()
  return { dismiss: () => child.stdin.end('done\n') }
}
