import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createHttpClient, type HttpClientOptions, HttpError } from '../../src/azure/http-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { DeadlineError } from '../../src/base/deadline.ts'
import { codeOf } from '../../src/base/errors.ts'
import { startStub } from '../harness/stub-server.ts'

const never = new AbortController().signal

function client(options: Partial<HttpClientOptions> = {}) {
  const http = createHttpClient({
    clock: systemClock,
    connectMs: 5_000,
    totalMs: 10_000,
    maxSockets: 4,
    maxBytes: 1_000,
    maxRetryAfterSeconds: 60,
    ...options,
  })
  return {
    get: (url: string, signal = never) => http.send({ method: 'GET', url: new URL(url) }, signal),
    http,
  }
}

test('connections are kept and their number is bounded', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }))
  const { get, http } = client({ maxSockets: 2 })
  for (let round = 0; round < 5; round += 1)
    await Promise.all(Array.from({ length: 10 }, () => get(stub.origin)))
  assert.equal(stub.requests.length, 50)
  assert.ok(stub.connections() <= 2, String(stub.connections()))
  http.close()
})

test('a kept connection that the server closed meanwhile costs no request', async () => {
  let closeNext = false
  await using stub = await startStub((_, response) => {
    if (closeNext) {
      closeNext = false
      response.socket?.resetAndDestroy()
      return undefined
    }
    return { body: 'ok' }
  })
  const { get, http } = client()
  await get(stub.origin)
  closeNext = true
  assert.equal((await get(stub.origin)).status, 200)
  assert.equal(stub.connections(), 2)
  http.close()
})

test('a reset on a fresh connection is an error', async () => {
  await using stub = await startStub((_, response) => {
    response.socket?.resetAndDestroy()
    return undefined
  })
  const { get, http } = client()
  await assert.rejects(get(stub.origin), (thrown) => codeOf(thrown) === 'ECONNRESET')
  assert.equal(stub.requests.length, 1)
  http.close()
})

test('redirects are answers and are not followed', async () => {
  await using stub = await startStub(() => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }))
  const { get, http } = client()
  assert.equal((await get(stub.origin)).status, 302)
  assert.equal(stub.requests.length, 1)
  http.close()
})

test('a body that is too large ends the exchange, with and without an announced length', async () => {
  for (const announced of [true, false]) {
    await using stub = await startStub((_, response) => {
      if (announced) return { body: 'x'.repeat(1_001) }
      response.write('x'.repeat(600))
      response.write('x'.repeat(600))
      return undefined
    })
    const { get, http } = client()
    await assert.rejects(
      get(stub.origin),
      (thrown) => thrown instanceof HttpError && /1000 bytes/.test(thrown.message),
    )
    http.close()
  }
})

test('a body that stops in the middle is an error', async () => {
  await using stub = await startStub((_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.socket?.destroy())
    return undefined
  })
  const { get, http } = client()
  await assert.rejects(get(stub.origin))
  http.close()
})

test('an answer that never ends is given up at the deadline', async () => {
  await using stub = await startStub((_, response) => {
    response.writeHead(200)
    response.write('drip')
    return undefined
  })
  const { get, http } = client({ totalMs: 50 })
  await assert.rejects(get(stub.origin), DeadlineError)
  http.close()
})

test('a server that takes the connection and says nothing in TLS is given up', async (context) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { get, http } = client({ connectMs: 30 })
  const { port } = server.address() as AddressInfo
  await assert.rejects(
    get(`https://127.0.0.1:${port}/`),
    (thrown) => thrown instanceof HttpError && /no connection/.test(thrown.message),
  )
  http.close()
})

test('a certificate that is not trusted is refused, and the given CA is', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }), { tls: true })
  const strict = client()
  await assert.rejects(strict.get(stub.origin), (thrown) =>
    /SELF_SIGNED|DEPTH_ZERO/.test(codeOf(thrown) ?? ''),
  )
  strict.http.close()
  const trusting = client({ ca: stub.ca })
  assert.equal((await trusting.get(stub.origin)).status, 200)
  trusting.http.close()
})

test('a caller who leaves ends the exchange with his own reason', async () => {
  const asked = Promise.withResolvers<undefined>()
  await using stub = await startStub(() => {
    asked.resolve(undefined)
    return undefined
  })
  const { get, http } = client()
  const controller = new AbortController()
  const reason = new Error('left')
  const answer = get(stub.origin, controller.signal)
  await asked.promise
  controller.abort(reason)
  await assert.rejects(answer, (thrown) => thrown === reason)
  http.close()
})

test('a closed port is an error that keeps its code', async () => {
  const { get, http } = client()
  await using stub = await startStub(() => ({}))
  const { origin } = stub
  await stub[Symbol.asyncDispose]()
  await assert.rejects(get(origin), (thrown) => codeOf(thrown) === 'ECONNREFUSED')
  http.close()
})
