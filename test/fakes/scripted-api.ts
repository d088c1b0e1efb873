import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { KubeConnection } from '../../src/kube/connection.ts'

export interface Ask {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers one request as a test wrote it, byte for byte where it must. */
export type Answer = (response: ServerResponse, ask: Ask) => void | Promise<void>

/** A server that answers the n-th request with the n-th answer of its script, and the rest with 500. */
export interface ScriptedApi {
  readonly url: string
  readonly asked: readonly Ask[]
  /** A connection whose token is the number of the request, so that a test sees that it is asked each time. */
  connection(): KubeConnection
  /** Adds answers to the script. */
  add(...answers: Answer[]): void
  close(): Promise<void>
}

export async function startScriptedApi(...script: Answer[]): Promise<ScriptedApi> {
  const asked: Ask[] = []
  const answers = [...script]
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://scripted')
    const ask: Ask = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: await text(request),
    }
    const next = answers[asked.length]
    asked.push(ask)
    if (next === undefined) response.writeHead(500).end('the script has ended')
    else await next(response, ask)
  }
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    asked,
    connection() {
      let count = 0
      return {
        server: url,
        requestOptions: async () => {
          count += 1
          return { headers: { authorization: `Bearer token-${count}` } }
        },
        close: () => {},
      }
    },
    add: (...more) => {
      answers.push(...more)
    },
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

/** An error answer as the API server words it. */
export function status(code: number, reason: string, headers: Record<string, string> = {}): Answer {
  return json(
    code,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: `${reason}!` },
    headers,
  )
}

/** Writes the pieces and leaves the answer open; `end` closes it properly. */
export function stream(...pieces: (string | Uint8Array)[]): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    for (const piece of pieces) response.write(piece)
    response.flushHeaders()
  }
}

/** As `stream`, and then ends the answer properly, as the server does after `timeoutSeconds`. */
export function streamAndEnd(...pieces: (string | Uint8Array)[]): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    for (const piece of pieces) response.write(piece)
    response.end()
  }
}

/** As `stream`, and then breaks the connection once the pieces are out. */
export function streamAndReset(...pieces: (string | Uint8Array)[]): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(pieces.join(''), () => setImmediate(() => response.destroy()))
  }
}
