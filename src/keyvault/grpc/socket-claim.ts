import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { dirname } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { sleep } from '../../base/deadline.ts'
import { asError, codeOf, errorText, OperatorError } from '../../base/errors.ts'
import type { Component } from '../../base/lifecycle.ts'
import type { Log } from '../../telemetry/log.ts'
import { RUNTIME_NAME } from './runtime-name.ts'
import {
  type BoundSocket,
  bindSocket,
  type FileIdentity,
  identityOf,
  isSameFile,
  removeStale,
} from './socket-file.ts'
import { askVersion, isServed } from './socket-neighbour.ts'

/** Whether podid serves its socket; if not, why, for readiness. */
export type ClaimStatus = { readonly serving: true } | { readonly serving: false; readonly reason: string }

export interface SocketClaim extends Component {
  status(): ClaimStatus
  /** Where a gRPC client finds it. */
  target(): string
}

/** Looks at the file of another program: cheap, so that podid takes over soon after it went. */
const WAIT_POLL_MS = 250
/** Every eighth look also connects, to notice a program that died and left its file; connecting shows in its log. */
const LOOKS_BEFORE_CONNECTING = 8
/** Looks at the own file. */
const WATCH_MS = 1_000

interface ClaimOptions {
  readonly path: string
  readonly onConnection: (socket: Socket) => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Holds the socket at a path as long as nobody else does: a file without a listener is removed, a program that
 * listens is waited for, and a file that is taken away or replaced is noticed and claimed anew in the same way.
 * `start` returns when podid serves, or when it is known for whom it waits.
 */
export function createSocketClaim(options: ClaimOptions): SocketClaim {
  const { path, clock, log } = options
  const stopping = new AbortController()
  let bound: BoundSocket | undefined
  let reason = `${path} is not claimed yet`
  let running: Promise<void> | undefined

  function tell(next: string): void {
    if (next === reason) return
    reason = next
    log.warn({ reason }, 'the socket of the CSI driver is not served by podid')
  }

  const events = {
    onConnection: options.onConnection,
    onError: (error: Error) => log.warn({ error: errorText(error) }, 'a connection was not taken'),
  }

  /** One try. @returns the program that is in the way, if one is */
  async function claim(): Promise<FileIdentity | undefined> {
    const signal = stopping.signal
    const found = identityOf(path)
    if (found !== undefined && !found.isSocket) {
      throw new OperatorError(`--endpoint: ${path} is there and is no socket: remove it`)
    }
    if (found !== undefined && (await isServed(path, clock, signal))) {
      tell(servedReason(path, await askVersion(path, clock, signal)))
      return found
    }
    if (found !== undefined) {
      removeStale(path, found)
      log.info({ path }, 'a socket that nobody served is removed')
    }
    signal.throwIfAborted()
    // Node reports a missing folder as EACCES.
    if (!existsSync(dirname(path)))
      throw new OperatorError(`--endpoint: the folder of ${path} does not exist`)
    bound = await bindSocket(path, events)
    if (bound === undefined) return undefined
    reason = ''
    log.info({ path }, 'the socket of the CSI driver is served')
    return undefined
  }

  /** Until the program in the way stopped listening, or another file stands there. */
  async function waitFor(blocker: FileIdentity): Promise<void> {
    for (let look = 1; ; look += 1) {
      await sleep(clock, WAIT_POLL_MS, stopping.signal)
      const now = identityOf(path)
      if (now === undefined || !isSameFile(now, blocker)) return
      if (look % LOOKS_BEFORE_CONNECTING === 0 && !(await isServed(path, clock, stopping.signal))) return
    }
  }

  async function hold(socket: BoundSocket): Promise<void> {
    while (socket.stands()) await sleep(clock, WATCH_MS, stopping.signal)
    bound = undefined
    tell(`${path} was removed or replaced by another program`)
    await socket.close()
  }

  async function pause(): Promise<void> {
    await sleep(clock, WAIT_POLL_MS, stopping.signal).catch(() => {
      // Stopped: whoever waits looks at the signal.
    })
  }

  /** Runs until it is stopped; a fault of the system (a folder that went away) is tried again, like all else. */
  async function run(blocker: FileIdentity | undefined): Promise<void> {
    let next = blocker
    while (!stopping.signal.aborted) {
      try {
        if (bound !== undefined) await hold(bound)
        else if (next !== undefined) await waitFor(next)
        else await sleep(clock, WAIT_POLL_MS, stopping.signal)
        next = bound === undefined ? await claim() : undefined
      } catch (thrown) {
        if (stopping.signal.aborted) return
        next = undefined
        tell(`${path} cannot be ${bound === undefined ? 'claimed' : 'looked at'}: ${errorText(thrown)}`)
        // A socket that is held stays so, as the driver keeps its connection; without a wait the next look would be now.
        if (bound !== undefined) await pause()
      }
    }
  }

  return {
    status: () => (bound === undefined ? { serving: false, reason } : { serving: true }),
    target: () => `unix:${path}`,
    async start() {
      const first = claim()
      running = first.then(run, () => {})
      try {
        await first
      } catch (thrown) {
        throw explain(path, thrown)
      }
    },
    async stop() {
      stopping.abort(new Error('the provider stops'))
      await running
      await bound?.close()
      bound = undefined
      reason = 'the provider is stopped'
    },
  }
}

function servedReason(
  path: string,
  by: { readonly name: string; readonly version: string } | undefined,
): string {
  const takesOver = 'podid takes over when it is gone'
  if (by === undefined) return `${path} is served by a program that does not say its version: ${takesOver}`
  const who = `${path} is served by ${by.name} ${by.version}`
  // Another podid goes by itself, when an update ends.
  if (by.name === RUNTIME_NAME) return `${who}: ${takesOver}`
  return `${who}: remove it, both cannot serve one socket; ${takesOver}`
}

function explain(path: string, thrown: unknown): Error {
  const refused = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(thrown) ?? '')
  if (!refused) return asError(thrown)
  return new OperatorError(`--endpoint: podid may not make ${path}`, { cause: thrown })
}
