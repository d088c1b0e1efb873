import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A server in a process of its own, so that its work does not stand in the generator's way. */
export interface Child {
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

export async function startChild(
  module: string,
  order?: object,
  execArgv: readonly string[] = [],
): Promise<Child> {
  const child = fork(new URL(module, import.meta.url), {
    execArgv: [...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  if (order !== undefined) child.send(order)
  const message = await firstMessage(child)
  return {
    port: message.port,
    pid: child.pid ?? 0,
    async stop() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}

async function firstMessage(child: ChildProcess): Promise<{ port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ port: number }>()
  child.once('message', (message) => resolve(message as { port: number }))
  child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)))
  return promise
}
