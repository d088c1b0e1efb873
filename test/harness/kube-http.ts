import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'

export interface Reply {
  readonly code: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The body as JSON. @throws SyntaxError when it is none. */
  json(): Json
}

export interface Json {
  readonly [field: string]: unknown
  readonly kind?: string
  readonly apiVersion?: string
  readonly message?: string
  readonly reason?: string
  readonly code?: number
  readonly details?: Json
  readonly metadata?: Json & {
    readonly resourceVersion?: string
    readonly uid?: string
    readonly name?: string
  }
  readonly items?: readonly Json[]
  readonly spec?: Json
  readonly status?: Json
}

export interface Event {
  readonly type: string
  readonly object: Json
}

interface Ask {
  readonly body?: unknown
  readonly contentType?: string
  readonly accept?: string
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A bare HTTP client: what goes over the wire is what the test says. */
export interface KubeHttp {
  ask(method: string, path: string, ask?: Ask): Promise<Reply>
  /** Opens a watch; `next` waits for its next event, undefined at the end of the stream. */
  watch(
    path: string,
    ask?: Ask,
  ): Promise<{ readonly code: number; next(): Promise<Event | undefined>; close(): void }>
}

export function kubeHttp(
  context: { after(clean: () => unknown): void },
  server: { url: string; caPem: string; adminToken: string },
): KubeHttp {
  const agent = new Agent({ ca: server.caPem, keepAlive: true })
  context.after(() => agent.destroy())
  const send = (method: string, path: string, ask: Ask): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const body =
      ask.body === undefined ? undefined : typeof ask.body === 'string' ? ask.body : JSON.stringify(ask.body)
    const outgoing = request(
      `${server.url}${path}`,
      {
        method,
        agent,
        headers: {
          ...(ask.token === '' ? {} : { Authorization: `Bearer ${ask.token ?? server.adminToken}` }),
          Accept: ask.accept ?? 'application/json',
          ...(body === undefined
            ? {}
            : {
                'Content-Type': ask.contentType ?? 'application/json',
                // Node leaves it out of a DELETE.
                'Content-Length': Buffer.byteLength(body),
              }),
          ...ask.headers,
        },
      },
      resolve,
    )
    outgoing.on('error', reject)
    outgoing.end(body)
    return promise
  }
  return {
    async ask(method, path, ask = {}) {
      const incoming = await send(method, path, ask)
      const chunks: Buffer[] = []
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      return {
        code: incoming.statusCode ?? 0,
        headers: incoming.headers,
        text,
        json: () => JSON.parse(text) as Json,
      }
    },
    async watch(path, ask = {}) {
      const incoming = await send('GET', path, ask)
      const events = eventsOf(incoming)
      return {
        code: incoming.statusCode ?? 0,
        async next() {
          const { value, done } = await events.next()
          return done === true ? undefined : value
        },
        close: () => incoming.destroy(),
      }
    },
  }
}

/** A stream that is cut off ends like one that is closed; half a line at its end is left out. */
async function* eventsOf(stream: IncomingMessage): AsyncGenerator<Event, undefined> {
  let rest = ''
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) yield JSON.parse(line) as Event
    }
  } catch (thrown) {
    if (!(thrown instanceof Error) || (thrown as NodeJS.ErrnoException).code !== 'ECONNRESET') throw thrown
  }
  return undefined
}
