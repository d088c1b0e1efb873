import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'
import { withDeadline } from '../base/deadline.ts'
import { errorOfAnswer } from './api-status.ts'
import { KubeAnswerError, type KubeConnection } from './connection.ts'
import { chunksOf, exchange, pathOf, textOf } from './http-exchange.ts'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface CallOptions {
  readonly query?: Query
  readonly signal: AbortSignal
  /** Milliseconds for the whole call, or for a stream until its first byte may come; 30 s unless told. */
  readonly deadlineMs?: number
  /** Largest answer; 64 MiB unless told. */
  readonly maxBytes?: number
}

export interface SendOptions extends CallOptions {
  readonly body?: unknown
  /** Of the body; `application/json` unless told. */
  readonly contentType?: string
}

export type Verb = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** An answer's body that goes on until the server ends it or the signal aborts. */
export type ByteStream = AsyncIterable<Uint8Array>

/**
 * The Kubernetes API, thin: paths in, parsed JSON out. Every call throws KubeApiError for an answer
 * that is no success, KubeUnreachableError, KubeAnswerError, DeadlineError, or the signal's reason.
 */
export interface Rest {
  getJson(path: string, options: CallOptions): Promise<unknown>
  /** Opens a stream, such as a watch. The caller must read it to its end or leave its loop. */
  open(path: string, options: CallOptions): Promise<ByteStream>
  send(verb: Verb, path: string, options: SendOptions): Promise<unknown>
}

const DEADLINE_MS = 30_000
const MOST_BYTES = 64 * 1024 * 1024
const MOST_ERROR_BYTES = 64 * 1024
const AGENT_NAME = 'podid'

export function createRest(connection: KubeConnection, clock: Clock): Rest {
  async function head(verb: string, target: string, options: SendOptions, signal: AbortSignal) {
    const message = await exchange(connection, {
      method: verb,
      target,
      headers: headersOf(options),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal,
    })
    const status = message.statusCode ?? 0
    if (status >= 200 && status < 300) return message
    const what = `${verb} ${pathOf(target)}`
    const text = await textOf(message, what, { maxBytes: MOST_ERROR_BYTES, signal })
    throw errorOfAnswer(what, { status, headers: message.headers, text }, clock)
  }

  function call(verb: string, path: string, options: SendOptions): Promise<unknown> {
    const what = `${verb} ${path}`
    const deadline = { clock, ms: options.deadlineMs ?? DEADLINE_MS, what, parent: options.signal }
    return withDeadline(deadline, async (signal) => {
      const message = await head(verb, targetOf(path, options.query), options, signal)
      const maxBytes = options.maxBytes ?? MOST_BYTES
      return parseJson(await textOf(message, what, { maxBytes, signal }), what)
    })
  }

  return {
    getJson: (path, options) => call('GET', path, options),
    send: (verb, path, options) => call(verb, path, options),
    async open(path, options) {
      const what = `GET ${path}`
      const deadline = { clock, ms: options.deadlineMs ?? DEADLINE_MS, what, parent: options.signal }
      const message: IncomingMessage = await withDeadline(deadline, (signal) =>
        head('GET', targetOf(path, options.query), options, signal),
      )
      return chunksOf(message, what, options.signal)
    },
  }
}

function headersOf(options: SendOptions): Record<string, string> {
  const common = { accept: 'application/json', 'user-agent': AGENT_NAME }
  return options.body === undefined
    ? common
    : { ...common, 'content-type': options.contentType ?? 'application/json' }
}

function targetOf(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value))
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (thrown) {
    throw new KubeAnswerError(`${what}: the answer is no JSON`, { cause: thrown })
  }
}
