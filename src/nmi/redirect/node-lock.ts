import { createConnection, createServer, type Server } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { codeOf, OperatorError } from '../../base/errors.ts'

/**
 * Abstract sockets belong to a network namespace, as iptables does, and end with their process: the
 * lock is held once for each node, survives nothing, and needs no writable directory.
 */
export const NODE_LOCK_NAME = 'podid-nmi'

export interface NodeLock {
  release(): Promise<void>
}

/** Takes the node for this agent. @throws OperatorError when another agent holds it, with who it is. */
export async function takeNodeLock(
  clock: Clock,
  lock: { readonly name: string; readonly holder: string },
): Promise<NodeLock> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    // Whoever asks gets one line; nothing is read, and nobody can hold the connection open.
    socket.end(lock.holder, () => socket.destroy())
  })
  server.maxConnections = 8
  try {
    await listen(server, `\0${lock.name}`)
  } catch (thrown) {
    if (codeOf(thrown) !== 'EADDRINUSE') throw thrown
    const holder = await askHolder(clock, lock.name)
    throw new OperatorError(
      `another node agent runs on this node (${holder}); two would fight over the redirect. Remove one of the two installations`,
    )
  }
  server.unref()
  return { release: () => close(server) }
}

function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  server.once('error', reject)
  server.listen(path, () => {
    server.off('error', reject)
    resolve(undefined)
  })
  return promise
}

function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server.close(() => resolve(undefined))
  return promise
}

const ANSWER_DEADLINE_MS = 1_000
const LONGEST_ANSWER = 200

async function askHolder(clock: Clock, name: string): Promise<string> {
  const socket = createConnection(`\0${name}`)
  try {
    return await withDeadline({ clock, ms: ANSWER_DEADLINE_MS, what: 'asking' }, async () => {
      let text = ''
      for await (const chunk of socket.setEncoding('utf8')) {
        text += String(chunk)
        if (text.length > LONGEST_ANSWER) break
      }
      return text.slice(0, LONGEST_ANSWER).replace(/[^\x20-\x7e]/g, '?')
    })
  } catch {
    return 'it does not say which'
  } finally {
    socket.destroy()
  }
}
