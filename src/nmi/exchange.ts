import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Connection } from './connections.ts'

/** One request and its answer. */
export interface Exchange {
  /** Goes into `correlation_id`, `x-ms-request-id` and the audit line. */
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
  /** `clock.monotonic()` at its arrival. */
  readonly startedMs: number
}

/** Makes this the last answer of its connection; node:http writes `Connection: close` and ends the socket. */
export function closeAfter(connection: Connection, response: ServerResponse): void {
  connection.closing = true
  response.shouldKeepAlive = false
}

/**
 * Calls once, when the answer was sent or the client has gone; returns what ends that. The socket counts besides the
 * response: a CONNECT behind requests that wait makes node:http forget their responses.
 */
export function whenOver({ response, connection }: Exchange, listener: () => void): () => void {
  const { onGone } = connection
  const over = (): void => {
    release()
    listener()
  }
  const release = (): void => {
    response.removeListener('close', over)
    onGone.delete(over)
  }
  response.once('close', over)
  onGone.add(over)
  return release
}

/**
 * A signal that aborts when the client goes away or `stopping` does. Made only for requests that wait:
 * it costs more than answering from the cache.
 */
export function signalOf(
  exchange: Exchange,
  stopping: AbortSignal,
): { signal: AbortSignal; release: () => void } {
  const controller = new AbortController()
  const onClose = (): void => controller.abort(new ClientGone())
  const onStop = (): void => controller.abort(stopping.reason)
  if (stopping.aborted) onStop()
  if (exchange.response.destroyed) onClose()
  const release = whenOver(exchange, onClose)
  stopping.addEventListener('abort', onStop, { once: true })
  return {
    signal: controller.signal,
    release: () => {
      release()
      stopping.removeEventListener('abort', onStop)
    },
  }
}

/** The client closed the connection before its answer; nobody reads one any more. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone'

  constructor() {
    super('the client closed the connection')
  }
}
