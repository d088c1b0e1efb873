/** HTTP clients for tests: one that behaves, and one that sends any bytes. */
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  readonly reason: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; fails the test when it is none. */
  json(): Record<string, unknown>
}

/** One request on a connection of its own. The path goes out byte for byte. */
export async function ask(
  url: string,
  path: string,
  options: { headers?: Record<string, string>; method?: string; signal?: AbortSignal; from?: string } = {},
): Promise<HttpAnswer> {
  const { hostname, port } = new URL(url)
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const { headers = { Metadata: 'true' }, method = 'GET', signal, from } = options
  const outgoing = request(
    {
      hostname,
      port,
      path,
      method,
      headers,
      agent: false,
      ...(signal === undefined ? {} : { signal }),
      ...(from === undefined ? {} : { localAddress: from }),
    },
    (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: incoming.statusCode ?? 0,
          reason: incoming.statusMessage ?? '',
          headers: incoming.headers,
          text,
          json: () => JSON.parse(text) as Record<string, unknown>,
        })
      })
    },
  )
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}

/** A socket that sends what it is told and keeps all it gets. */
export interface RawSocket extends AsyncDisposable {
  readonly socket: Socket
  send(bytes: string): void
  /** All that came until the other side closed. */
  readonly closed: Promise<string>
  /** Resolves when what came so far fits; rejects when the other side closes first. */
  until(pattern: RegExp): Promise<string>
}

export async function rawSocket(port: number, from?: string): Promise<RawSocket> {
  const socket = connect({ port, host: '127.0.0.1', ...(from === undefined ? {} : { localAddress: from }) })
  let got = ''
  const checks = new Set<() => void>()
  const closed = Promise.withResolvers<string>()
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1')
    for (const check of checks) check()
  })
  // A reset counts as closed: the test looks at what came before.
  socket.on('error', () => {})
  socket.on('close', () => {
    closed.resolve(got)
    for (const check of checks) check()
  })
  const open = Promise.withResolvers<undefined>()
  socket.once('connect', () => open.resolve(undefined))
  socket.once('error', open.reject)
  await open.promise
  return {
    socket,
    send: (bytes) => {
      socket.write(bytes)
    },
    closed: closed.promise,
    until(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      const check = (): void => {
        if (pattern.test(got)) resolve(got)
        else if (socket.destroyed) reject(new Error(`closed before ${String(pattern)}, got: ${got}`))
        else return
        checks.delete(check)
      }
      checks.add(check)
      check()
      return promise
    },
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      await closed.promise
    },
  }
}
