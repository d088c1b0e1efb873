import { setImmediate as turn } from 'node:timers/promises'
import { errorText } from '../base/errors.ts'
import type { Log } from '../telemetry/log.ts'
import type { Bind, NmiServer } from './server.ts'
import { bindSocketFile, type SocketFile } from './socket-file.ts'

/** The host door over a Unix socket, for node components without the host's network. */
export interface HostSocket {
  /** @throws OperatorError when the path is not fit. */
  open(): Promise<void>
  /** Takes the path back from an agent that took it over and has ended; nothing while it is not open. */
  regain(): Promise<void>
  /** Gives up the path, unless it is another agent's by now; requests that run are let finish. */
  close(): Promise<void>
  readonly inFlight: number
}

interface Listening {
  readonly server: NmiServer
  readonly file: SocketFile
}

export function createHostSocket(deps: {
  readonly path: string
  /** `final` tells, when the drain limit is over, whether the agent ends or only this listener. */
  readonly makeServer: (bind: Bind, final: () => boolean) => NmiServer
  readonly log: Log
}): HostSocket {
  const { path, makeServer, log } = deps
  let listening: Listening | undefined
  let closing = false
  /** Listeners that lost the path and whose last requests run. */
  const former = new Map<NmiServer, Promise<void>>()

  async function listen(): Promise<Listening> {
    const files: SocketFile[] = []
    const bind: Bind = async (server) => void files.push(await bindSocketFile(server, path))
    const server = makeServer(bind, () => closing)
    await server.open()
    const [file] = files
    if (file === undefined) throw new Error('the server did not bind its socket')
    return { server, file }
  }

  function retire(server: NmiServer): void {
    const ended = acceptWaiting()
      .then(() => server.close())
      .catch((thrown: unknown) =>
        log.warn({ path, error: errorText(thrown) }, 'a former listener of the host door did not close'),
      )
      .finally(() => former.delete(server))
    former.set(server, ended)
  }

  return {
    async open() {
      listening = await listen()
      log.info({ path }, 'host token requests are answered over a socket, too')
    },
    async regain() {
      const before = listening
      if (before === undefined || closing) return
      listening = await listen()
      log.info({ path }, 'the socket of the host door is this agent’s again')
      retire(before.server)
    },
    async close() {
      closing = true
      try {
        listening?.file.remove()
      } catch (thrown) {
        log.warn({ path, error: errorText(thrown) }, 'the socket of the host door could not be removed')
      }
      await acceptWaiting()
      await Promise.all([listening?.server.close(), ...former.values()])
    },
    get inFlight() {
      let sum = listening?.server.inFlight ?? 0
      for (const server of former.keys()) sum += server.inFlight
      return sum
    },
  }
}

/**
 * Whoever connected before the path was another's, or nobody's, waits in the queue of the listener and would be cut
 * off with it: within two turns of the event loop all of them are accepted.
 */
async function acceptWaiting(): Promise<void> {
  await turn()
  await turn()
}
