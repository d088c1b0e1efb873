import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { codeOf, OperatorError } from '../../base/errors.ts'

/**
 * Abstract sockets belong to a network namespace, as iptables does, and end with their process: the
 * lock is held once for each node, survives nothing, and needs no writable directory.
 */
export const NODE_LOCK_NAME = 'podid-nmi'

/** What a successor says, and what it hears. */
export const SUCCEED = 'succeed\n'
export const ACCEPTED = 'yes\n'

/**
 * Steps aside for another agent that will take over; false when it is not let in. `gone` aborts when that one
 * ends before this one does.
 */
export type SuccessorHandler = (gone: AbortSignal) => Promise<boolean>

export interface NodeLock {
  /** Without a handler nobody may succeed. */
  onSuccessor(handler: SuccessorHandler): void
  /** True while a successor that was let in is there. */
  readonly succeeded: boolean
  release(): Promise<void>
}

/** The lock is held: by whom, as far as that is told. */
export function heldBy(holder: string, options?: ErrorOptions): OperatorError {
  return new OperatorError(
    `another node agent runs on this node (${holder}); two would fight over the redirect. Remove one of the two installations`,
    options,
  )
}

/** Who connects and says nothing is sent away after this long. */
const REQUEST_DEADLINE_MS = 2_000

/** Takes the node for this agent. @throws the system's error EADDRINUSE while another agent holds it */
export async function takeNodeLock(
  clock: Clock,
  lock: { readonly name: string; readonly holder: string },
): Promise<NodeLock> {
  let handler: SuccessorHandler | undefined
  let successor: Socket | undefined
  const sockets = new Set<Socket>()

  async function letIn(socket: Socket, steps: SuccessorHandler): Promise<void> {
    successor = socket
    const gone = new AbortController()
    socket.once('close', () => {
      successor = undefined
      gone.abort(new Error('the successor ended'))
    })
    try {
      if (await steps(gone.signal)) socket.write(ACCEPTED)
      else socket.destroy()
    } catch {
      socket.destroy()
    }
  }

  const server = createServer((socket) => {
    sockets.add(socket)
    const timer = clock.after(REQUEST_DEADLINE_MS, () => socket.destroy())
    socket.once('close', () => {
      timer.cancel()
      sockets.delete(socket)
    })
    socket.on('error', () => socket.destroy())
    socket.write(`${lock.holder}\n`)
    socket.once('data', (chunk) => {
      timer.cancel()
      if (chunk.toString('latin1') !== SUCCEED || handler === undefined || successor !== undefined)
        socket.destroy()
      else void letIn(socket, handler)
    })
  })
  server.maxConnections = 8
  await listen(server, `\0${lock.name}`)
  server.unref()
  return {
    onSuccessor(next) {
      handler = next
    },
    get succeeded() {
      return successor !== undefined
    },
    release() {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      server.close(() => resolve(undefined))
      for (const socket of sockets) socket.destroy()
      return promise
    },
  }
}

/** True for the error of a lock that somebody holds. */
export function isHeld(thrown: unknown): boolean {
  return codeOf(thrown) === 'EADDRINUSE'
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
