import { connect } from 'node:net'
import { credentials } from '@grpc/grpc-js'
import type { Clock } from '../../base/clock.ts'
import { withDeadline } from '../../base/deadline.ts'
import { codeOf } from '../../base/errors.ts'
import { CSIDriverProviderClient, type VersionResponse } from './generated/driver.ts'
import { callOnce, LOCAL_CLIENT } from './unary-call.ts'

/** How long a program that listens may take to say who it is. The driver's own health check waits as long. */
const VERSION_TIMEOUT_MS = 5_000
/** A connection on one machine stands at once; a queue that is full does not count as nobody. */
const CONNECT_TIMEOUT_MS = 1_000

const MAX_NAME = 100

/**
 * Whether a program listens behind the socket file. Only a refused connection means that nobody does: what cannot
 * be told is left alone.
 */
export async function isServed(path: string, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ path })
  try {
    return await withDeadline(
      { clock, ms: CONNECT_TIMEOUT_MS, what: `connecting to ${path}`, parent: signal },
      () => {
        const { promise, resolve } = Promise.withResolvers<boolean>()
        socket.once('connect', () => resolve(true))
        socket.on('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')))
        return promise
      },
    )
  } catch (thrown) {
    signal.throwIfAborted()
    return thrown instanceof Error
  } finally {
    socket.destroy()
  }
}

/** Name and version of the provider behind the socket; undefined when it does not say within five seconds. */
export async function askVersion(
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly version: string } | undefined> {
  const client = new CSIDriverProviderClient(`unix:${path}`, credentials.createInsecure(), LOCAL_CLIENT)
  try {
    const answer = await withDeadline(
      { clock, ms: VERSION_TIMEOUT_MS, what: `the version of ${path}`, parent: signal },
      (within) =>
        callOnce<VersionResponse>(client, (done) => client.version({ version: 'v1alpha1' }, done), within),
    )
    return { name: printable(answer.runtimeName), version: printable(answer.runtimeVersion) }
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** What a stranger says, fit for a message. */
function printable(text: string): string {
  return text.slice(0, MAX_NAME).replace(/[^\x20-\x7e]/g, '?')
}
