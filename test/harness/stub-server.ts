/** A small HTTP or HTTPS server whose answers a test writes; it remembers what was asked. */
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../make/certificates.ts'

export interface StubRequest {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface StubAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: string | object
}

export interface StubServer {
  readonly origin: string
  /** PEM to trust, for https. */
  readonly ca: string
  readonly requests: StubRequest[]
  /** Connections since the start. */
  readonly connections: () => number
  /** Ends idle connections, as servers do after a while. */
  closeIdle(): void
  [Symbol.asyncDispose](): Promise<void>
}

type Answerer = (request: StubRequest, response: ServerResponse) => StubAnswer | undefined

let identity: ReturnType<typeof makeCertificate> | undefined

/** `answer` returns what to send, or undefined when it writes to the response itself. */
export async function startStub(answer: Answerer, options: { tls?: boolean } = {}): Promise<StubServer> {
  const requests: StubRequest[] = []
  const listener: RequestListener = (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const request = {
        method: incoming.method ?? '',
        target: incoming.url ?? '',
        headers: incoming.headers,
        body: Buffer.concat(chunks).toString(),
      }
      requests.push(request)
      const sent = answer(request, response)
      if (sent === undefined) return
      const { status = 200, headers = {}, body = '' } = sent
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(text)
    })
  }
  identity ??= makeCertificate({ name: 'localhost', hosts: ['localhost'] })
  const server =
    options.tls === true
      ? createSecureServer({ key: identity.keyPem, cert: identity.certificatePem }, listener)
      : createServer(listener)
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  const listening = Promise.withResolvers<undefined>()
  server.listen(0, '127.0.0.1', () => listening.resolve(undefined))
  await listening.promise
  const { port } = server.address() as AddressInfo
  return {
    origin: options.tls === true ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    ca: identity.certificatePem,
    requests,
    connections: () => connections,
    closeIdle: () => server.closeIdleConnections(),
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<undefined>()
      server.close(() => closed.resolve(undefined))
      server.closeAllConnections()
      await closed.promise
    },
  }
}
