import { MessageChannel } from 'node:worker_threads'

/**
 * Runs work that waits on timers alone. Those of the clock do not keep a process alive, and without anything
 * else that does, Node would end in the middle of the work.
 */
export async function stayAwake<T>(work: () => Promise<T>): Promise<T> {
  const { port1 } = new MessageChannel()
  port1.ref()
  try {
    return await work()
  } finally {
    port1.close()
  }
}
