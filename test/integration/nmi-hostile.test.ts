import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { ask, type RawSocket, rawSocket } from '../harness/http.ts'
import { bindShop, type NmiWorld, put, startNmi } from '../harness/nmi-world.ts'
import { makeAssigned, makeIdentity, makePod } from '../make/objects.ts'

const TARGET = '/metadata/identity/oauth2/token?resource=r'
const GOOD = `GET ${TARGET} HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n`
const SHOP_TOKEN = tokenTextOf(makeIdentity())

interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Every answer in a stream of bytes, each checked to be whole and to hold a JSON object. */
function answersIn(stream: string): Answer[] {
  const answers: Answer[] = []
  let rest = stream
  while (rest !== '') {
    const end = rest.indexOf('\r\n\r\n')
    assert.notEqual(end, -1, `no end of headers in ${JSON.stringify(rest)}`)
    const head = rest.slice(0, end)
    const status = /^HTTP\/1\.1 (\d{3}) [A-Z]/.exec(head)?.[1]
    const length = /\r\ncontent-length: (\d+)(?:\r|$)/i.exec(head)?.[1]
    assert.ok(status !== undefined && length !== undefined, head)
    const body = rest.slice(end + 4, end + 4 + Number(length))
    assert.equal(body.length, Number(length))
    answers.push({ status: Number(status), body: JSON.parse(body) as Record<string, unknown> })
    rest = rest.slice(end + 4 + Number(length))
  }
  return answers
}

/** Sends bytes, closes the own side, and returns all that came. */
async function exchange(world: NmiWorld, bytes: string): Promise<Answer[]> {
  await using socket = await rawSocket(world.nmi.port)
  socket.send(bytes)
  socket.socket.end()
  return answersIn(await socket.closed)
}

async function stillServes(world: NmiWorld): Promise<void> {
  const answer = await ask(world.url, TARGET)
  assert.equal(answer.json()['access_token'], SHOP_TOKEN)
}

async function open(world: NmiWorld, count: number): Promise<RawSocket[]> {
  return Promise.all(Array.from({ length: count }, () => rawSocket(world.nmi.port)))
}

test('what two servers could take for two different requests is refused with JSON, and the connection is closed', async () => {
  await using world = await startNmi()
  bindShop(world)
  const head = `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\n`
  const hostile: Record<string, string> = {
    'two lengths': `${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`,
    'the same length twice': `${head}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    'length and chunked': `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GOOD}`,
    'chunked twice': `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
    'an unknown coding': `${head}Transfer-Encoding: xchunked\r\n\r\n${GOOD}`,
    'a negative length': `${head}Content-Length: -1\r\n\r\n`,
    'a length that is no number': `${head}Content-Length: 0x10\r\n\r\n`,
    'bare line feeds': GOOD.replaceAll('\r\n', '\n'),
    'a bare carriage return': `${head}X: a\rMetadata: true\r\n\r\n`,
    'a blank before the colon': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata : true\r\n\r\n`,
    'a folded header': `${head}X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello`,
    'a zero byte in a header': `${head}X: a\u0000b\r\n\r\n`,
    'a body': `${head}Content-Length: 5\r\n\r\nhello`,
    'a chunked body': `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    'a chunk of a wrong size': `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
    'another protocol': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'no version': `GET ${TARGET}\r\n\r\n`,
    'a version of the future': `GET ${TARGET} HTTP/3.0\r\nHost: a\r\n\r\n`,
    'a TLS handshake': '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
    'headers too large': `${head}X: ${'x'.repeat(20_000)}\r\n\r\n`,
    'a target too large': `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a verb of one self': `TAKE ${TARGET} HTTP/1.1\r\nHost: a\r\n\r\n`,
    asterisk: 'OPTIONS * HTTP/1.1\r\nHost: a\r\nMetadata: true\r\n\r\n',
    'a proxy header after thousands of others': `${head}${'a:\r\n'.repeat(3_000)}X-Forwarded-For: 1\r\n\r\n`,
  }
  for (const [name, bytes] of Object.entries(hostile)) {
    const answers = await exchange(world, bytes)
    assert.equal(answers.length, 1, name)
    assert.ok(answers[0] !== undefined && answers[0].status >= 400 && answers[0].status < 500, name)
    assert.equal(answers[0].body['error'], 'invalid_request', name)
  }
  await stillServes(world)
})

test('what is unusual and has one meaning is answered', async () => {
  await using world = await startNmi()
  bindShop(world)
  const harmless: Record<string, string> = {
    'a strange Host': `GET ${TARGET} HTTP/1.1\r\nHost: evil.example.com:99\r\nMetadata: true\r\n\r\n`,
    'no Host': `GET ${TARGET} HTTP/1.1\r\nMetadata: true\r\n\r\n`,
    'HTTP/1.0': `GET ${TARGET} HTTP/1.0\r\nMetadata: true\r\n\r\n`,
    'an absolute target': `GET http://169.254.169.254${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\n\r\n`,
    'Expect: 100-continue': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\nExpect: 100-continue\r\n\r\n`,
    'another Expect': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\nExpect: magic\r\n\r\n`,
    'a wish to upgrade': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    'an empty line before the request': `\r\n${GOOD}`,
    'a content type without a body': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\r\n`,
    'a header in another case': `GET ${TARGET} HTTP/1.1\r\nHost: a\r\nMETADATA: True\r\n\r\n`,
  }
  for (const [name, bytes] of Object.entries(harmless)) {
    await using socket = await rawSocket(world.nmi.port)
    socket.send(bytes)
    const got = await socket.until(/"token_type":"Bearer"\}$/)
    const answers = answersIn(got)
    assert.deepEqual(
      answers.map((answer) => answer.body['access_token']),
      [SHOP_TOKEN],
      name,
    )
  }
})

test('pipelined requests are answered in their order, a flood of them is cut', async () => {
  await using world = await startNmi({ limits: { maxPipelined: 4 } })
  const { identity } = bindShop(world)
  await using two = await rawSocket(world.nmi.port)
  two.send(GOOD + GOOD.replace('resource=r', 'resource=s'))
  const answers = answersIn(await two.until(/"resource":"s","token_type":"Bearer"\}$/))
  assert.deepEqual(
    answers.map((answer) => answer.body['resource']),
    ['r', 's'],
  )
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  await using flood = await rawSocket(world.nmi.port)
  flood.send(GOOD.repeat(500))
  assert.equal(await flood.closed, '')
  await world.waiting(0)
})

test('a flood after the last answer of a connection is cut too', async () => {
  await using world = await startNmi({ limits: { maxPipelined: 4 } })
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  await using socket = await rawSocket(world.nmi.port)
  // The first one waits for its identity; the answer to the second one, which closes, waits behind it.
  socket.send(GOOD + GOOD.replace('GET', 'POST'))
  await world.waiting(1)
  socket.send(GOOD.repeat(500))
  assert.equal(await socket.closed, '')
  await world.waiting(0)
})

test('CONNECT ends the connection, and a reset in the middle of it harms nobody', async () => {
  await using world = await startNmi()
  bindShop(world)
  const connect = 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\n\r\n'
  assert.deepEqual(await exchange(world, connect), [])
  for (let round = 0; round < 20; round += 1) {
    await using socket = await rawSocket(world.nmi.port)
    socket.send(GOOD)
    await socket.until(/"token_type":"Bearer"\}$/)
    socket.send(connect)
    socket.socket.resetAndDestroy()
    await socket.closed
  }
  await stillServes(world)
})

test('held requests before a CONNECT end with their connection', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  await using socket = await rawSocket(world.nmi.port)
  socket.send(GOOD.repeat(2))
  await world.waiting(2)
  socket.send('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.equal(await socket.closed, '')
  await world.waiting(0)
})

test('headers that trickle in are cut off with a JSON answer', async () => {
  await using world = await startNmi({
    limits: { headersTimeoutMs: 40, requestTimeoutMs: 40, checkIntervalMs: 10 },
  })
  bindShop(world)
  await using slow = await rawSocket(world.nmi.port)
  slow.send(`GET ${TARGET} HTTP/1.1\r\nMetad`)
  const [answer] = answersIn(await slow.closed)
  assert.equal(answer?.status, 408)
  await stillServes(world)
})

test('a connection that says nothing at all is closed', async () => {
  await using world = await startNmi({
    limits: { headersTimeoutMs: 40, requestTimeoutMs: 40, checkIntervalMs: 10 },
  })
  await using silent = await rawSocket(world.nmi.port)
  await silent.closed
})

test('an idle connection is closed after its time', async () => {
  await using world = await startNmi({ limits: { keepAliveTimeoutMs: 20 } })
  bindShop(world)
  await using idle = await rawSocket(world.nmi.port)
  idle.send(GOOD)
  assert.equal(answersIn(await idle.closed)[0]?.status, 200)
})

test('a client that closes its side while it waits is let go', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  await using half = await rawSocket(world.nmi.port)
  half.send(GOOD)
  await world.waiting(1)
  half.socket.end()
  await half.closed
  await world.waiting(0)
})

test('one connection serves a bounded number of requests', async () => {
  await using world = await startNmi({ limits: { maxRequestsPerConnection: 3 } })
  bindShop(world)
  await using socket = await rawSocket(world.nmi.port)
  for (let i = 1; i <= 3; i += 1) {
    socket.send(GOOD)
    await socket.until(new RegExp(`(?:"token_type":"Bearer"\\}[^]*){${i}}$`))
  }
  const all = await socket.closed
  assert.equal(answersIn(all).length, 3)
  assert.match(all, /connection: close\r\n[^]*$/i)
})

test('a pod that opens thousands of connections is told, then cut, and others are served', async () => {
  await using world = await startNmi({ limits: { maxConnectionsPerAddress: 100 } })
  bindShop(world)
  const neighbour = makePod({ name: 'shop-1', uid: 'uid-1', addresses: ['127.0.0.2'] })
  put(world.pods, neighbour)
  put(world.assigned, makeAssigned({ pod: 'shop-1', identity: makeIdentity() }))
  const sockets = await open(world, 2_000)
  try {
    for (const socket of sockets) socket.send(GOOD)
    const cut = await Promise.all(sockets.slice(200).map((socket) => socket.closed))
    assert.ok(cut.every((got) => got === '' || answersIn(got)[0]?.status === 503))
    const served = await ask(world.url, TARGET, { from: '127.0.0.2' })
    assert.equal(served.status, 200)
    const first = sockets[0]
    assert.ok(first !== undefined)
    assert.match(await first.until(/Bearer"\}$/), /^HTTP\/1\.1 200/)
    assert.match(await world.registry.metrics(), /^podid_nmi_connections 10\d$/m)
  } finally {
    for (const socket of sockets) await socket[Symbol.asyncDispose]()
  }
  await stillServes(world)
})

test('over its limit a pod still reads why: one answer with the reason on some more connections', async () => {
  await using world = await startNmi({ limits: { maxConnectionsPerAddress: 2 } })
  bindShop(world)
  const sockets = await open(world, 2)
  await using third = await rawSocket(world.nmi.port)
  third.send(GOOD)
  const [answer] = answersIn(await third.closed)
  assert.equal(answer?.status, 503)
  assert.match(String(answer?.body['error_description']), /too-many-connections/)
  for (const socket of sockets) await socket[Symbol.asyncDispose]()
})

test('the node as a whole holds a bounded number of connections', async () => {
  await using world = await startNmi({ limits: { maxConnections: 20 } })
  bindShop(world)
  const sockets = await open(world, 60)
  const dropped = Promise.all(sockets.slice(30).map((socket) => socket.closed))
  await dropped
  assert.match(await world.registry.metrics(), /^podid_nmi_connections 20$/m)
  assert.match(await world.registry.metrics(), /podid_nmi_connections_refused_total 40/)
  for (const socket of sockets) await socket[Symbol.asyncDispose]()
})

test('any bytes on the socket get no token, no half answer, and do no harm', async () => {
  await using world = await startNmi({
    limits: { headersTimeoutMs: 50, requestTimeoutMs: 50, checkIntervalMs: 10 },
  })
  bindShop(world)
  const pieces = fc.array(
    fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
      fc.constantFrom(
        'GET ',
        'POST ',
        TARGET,
        ' HTTP/1.1',
        '\r\n',
        '\r\n\r\n',
        'Host: a\r\n',
        'Metadata: tru',
        ': ',
        '\n',
        '0\r\n\r\n',
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
      ),
    ),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(pieces, async (parts) => {
      for (const { status } of await exchange(world, parts.join(''))) assert.notEqual(status, 200)
    }),
    { numRuns: 300 },
  )
  await stillServes(world)
})
