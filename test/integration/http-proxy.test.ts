import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createHttpClient, type HttpClientOptions, HttpError } from '../../src/azure/http-client.ts'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { systemClock } from '../../src/base/clock.ts'
import { codeOf } from '../../src/base/errors.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { startConnectProxy } from '../harness/connect-proxy.ts'
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
    get: (url: string) => http.send({ method: 'GET', url: new URL(url) }, never),
    [Symbol.dispose]: () => http.close(),
  }
}

test('https goes through a tunnel of the proxy, encrypted to the end, and the tunnel is kept', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }), { tls: true })
  await using proxy = await startConnectProxy()
  const https = proxy.address.replace('//', '//user:pass@')
  using http = client({ ca: stub.ca, proxies: { https } })
  for (let round = 0; round < 3; round += 1) assert.equal((await http.get(stub.origin)).body.toString(), 'ok')
  assert.deepEqual(proxy.asked, [`CONNECT ${new URL(stub.origin).host}`])
  assert.deepEqual(proxy.authorizations, [`Basic ${Buffer.from('user:pass').toString('base64')}`])
})

test('an answer through a tunnel may take longer than connecting', async () => {
  const clock = new FakeClock()
  await using stub = await startStub(
    (_, response) => {
      void clock.advance(100).then(() => response.end('late'))
      return undefined
    },
    { tls: true },
  )
  await using proxy = await startConnectProxy()
  using http = client({ clock, ca: stub.ca, proxies: { https: proxy.address }, connectMs: 60 })
  assert.equal((await http.get(stub.origin)).body.toString(), 'late')
  assert.equal(clock.timers, 0)
})

test('the certificate behind a tunnel is checked', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }), { tls: true })
  await using proxy = await startConnectProxy()
  using http = client({ proxies: { https: proxy.address } })
  await assert.rejects(http.get(stub.origin), (thrown) => /SELF_SIGNED|DEPTH_ZERO/.test(codeOf(thrown) ?? ''))
  assert.equal(stub.requests.length, 0)
})

test('plain http goes to the proxy with the whole address', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }))
  await using proxy = await startConnectProxy()
  using http = client({ proxies: { http: proxy.address } })
  assert.equal((await http.get(`${stub.origin}/x`)).body.toString(), 'ok')
  assert.deepEqual(proxy.asked, [`GET ${stub.origin}/x`])
})

test('hosts that are excepted, and everything of a client that names no proxy, go straight', async () => {
  await using stub = await startStub(() => ({ body: 'ok' }), { tls: true })
  await using proxy = await startConnectProxy()
  using excepted = client({ ca: stub.ca, proxies: { https: proxy.address, none: 'localhost' } })
  using plain = client({ ca: stub.ca })
  assert.equal((await excepted.get(stub.origin)).status, 200)
  assert.equal((await plain.get(stub.origin)).status, 200)
  assert.deepEqual(proxy.asked, [])
})

test('IMDS is asked straight whatever the environment says', async (context) => {
  await using stub = await startStub(() => ({ body: {} }))
  await using proxy = await startConnectProxy()
  const { HTTP_PROXY: before } = process.env
  process.env['HTTP_PROXY'] = proxy.address
  context.after(() => {
    if (before === undefined) delete process.env['HTTP_PROXY']
    else process.env['HTTP_PROXY'] = before
  })
  const imds = createImdsClient({ clock: systemClock, baseUrl: stub.origin })
  await imds.get('/metadata/instance?api-version=2021-02-01', never)
  imds.close()
  assert.equal(stub.requests.length, 1)
  assert.deepEqual(proxy.asked, [])
})

test('a proxy that refuses says so, and one that says nothing is given up in time', async () => {
  await using refusing = await startConnectProxy({ way: 'refuse' })
  using http = client({ proxies: { https: refusing.address } })
  await assert.rejects(http.get('https://vault.example/'), /tunnel to vault\.example:443 .* 407/)
  for (const way of ['hang', 'mute'] as const) {
    await using silent = await startConnectProxy({ way })
    using waiting = client({ proxies: { https: silent.address }, connectMs: 30, maxSockets: 1 })
    // Twice: what is given up leaves its place to the next.
    for (let round = 0; round < 2; round += 1) {
      await assert.rejects(
        waiting.get('https://vault.example/'),
        (thrown) => thrown instanceof HttpError && /no connection to vault\.example/.test(thrown.message),
      )
    }
  }
})

test('a unix socket takes all requests', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'podid-'))
  const socketPath = join(folder, 'socket')
  const server = createServer((incoming, response) => response.end(`${incoming.headers.host}${incoming.url}`))
  const listening = Promise.withResolvers<undefined>()
  server.listen(socketPath, () => listening.resolve(undefined))
  await listening.promise
  const http = client({ socketPath })
  const answers = [await http.get('http://nmi.local/a'), await http.get('http://other.local/b')]
  assert.deepEqual(
    answers.map(({ body }) => body.toString()),
    ['nmi.local/a', 'other.local/b'],
  )
  http[Symbol.dispose]()
  server.close()
  await rm(folder, { recursive: true })
})

test('idle connections to one origin do not keep another waiting', async () => {
  await using one = await startStub(() => ({ body: 'one' }))
  await using two = await startStub(() => ({ body: 'two' }))
  using http = client({ maxSockets: 2, maxSocketsPerOrigin: 1 })
  assert.equal((await http.get(one.origin)).body.toString(), 'one')
  assert.equal((await http.get(two.origin)).body.toString(), 'two')
})
