import { createConnection, type Socket } from 'node:net'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { ACCEPTED, heldBy, SUCCEED } from './node-lock.ts'

/** The agent that still serves this node while its successor starts. */
export interface Predecessor {
  /** Resolves when it has ended, or does not want to be succeeded any more. */
  readonly ended: Promise<void>
  /** Tells it that nobody takes over. */
  leave(): void
}

const ANSWER_DEADLINE_MS = 5_000
const LONGEST_ANSWER = 200
const UNTOLD = 'it does not say which'

/**
 * Asks the agent that holds the node's lock to be its successor: it goes on answering tokens until it is
 * stopped, and leaves to the new one whatever only one of the two can have.
 * @throws OperatorError with who holds it, when it does not let us
 */
export async function succeedHolder(clock: Clock, name: string): Promise<Predecessor> {
  const socket = createConnection(`\0${name}`)
  const ended = Promise.withResolvers<undefined>()
  socket.once('close', () => ended.resolve(undefined))
  socket.on('error', () => socket.destroy())
  const lines = linesOf(socket)
  let holder = UNTOLD
  try {
    const answer = await withDeadline({ clock, ms: ANSWER_DEADLINE_MS, what: 'asking' }, async () => {
      holder = (await lines.next()) ?? holder
      socket.write(SUCCEED)
      return lines.next()
    })
    if (`${answer ?? ''}\n` !== ACCEPTED) throw new Error('not let in')
  } catch (thrown) {
    socket.destroy()
    throw heldBy(holder, { cause: thrown })
  }
  // The end of the other side must be heard though nothing more is said.
  socket.resume()
  return { ended: ended.promise, leave: () => socket.destroy() }
}

/** What the holder of the lock says about itself. */
export async function holderOf(clock: Clock, name: string): Promise<string> {
  const socket = createConnection(`\0${name}`)
  socket.on('error', () => socket.destroy())
  const lines = linesOf(socket)
  try {
    return (
      (await withDeadline({ clock, ms: ANSWER_DEADLINE_MS, what: 'asking' }, () => lines.next())) ?? UNTOLD
    )
  } catch {
    return UNTOLD
  } finally {
    socket.destroy()
  }
}

/** Lines as they come, printable characters alone; undefined after the end or when there is too much. */
function linesOf(socket: Socket): { next(): Promise<string | undefined> } {
  let text = ''
  let wake = Promise.withResolvers<undefined>()
  let over = false
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.length > LONGEST_ANSWER) socket.destroy()
    wake.resolve(undefined)
  })
  socket.once('close', () => {
    over = true
    wake.resolve(undefined)
  })
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n')
        if (end >= 0) {
          const line = text.slice(0, end).replace(/[^\x20-\x7e]/g, '?')
          text = text.slice(end + 1)
          return line
        }
        if (over) return undefined
        await wake.promise
        wake = Promise.withResolvers()
      }
    },
  }
}
