import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FakeClock } from '../fakes/fake-clock.ts'
import { type NmiOptions, type NmiWorld, put, startNmi } from '../harness/nmi-world.ts'
import { clientIdOf, makeAssigned, makeBinding, makeIdentity, makePod } from '../make/objects.ts'

/** A folder of the test with a path for the socket. */
function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'podid-nmi-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'host.sock')
}

/** An agent that also listens on the socket, and a pod of which the network shows nothing. */
async function startWithSocket(path: string, options: NmiOptions = {}): Promise<NmiWorld> {
  const world = await startNmi({ hostDoorSocket: path, ...options })
  const identity = makeIdentity()
  put(world.pods, makePod({ addresses: ['10.244.0.10'] }))
  put(world.identities, identity)
  put(world.bindings, makeBinding())
  put(world.assigned, makeAssigned({ identity }))
  return world
}

interface Got {
  readonly status: number
  readonly body: Record<string, unknown>
  readonly retryAfter: string | undefined
}

const SHOP = { podns: 'default', podname: 'shop-0' }
const VAULT = '/host/token/?resource=https://vault.azure.net'

/** One request over the socket, or over TCP. */
async function ask(
  place: { socketPath: string } | { port: number },
  path = VAULT,
  headers: Record<string, string> = SHOP,
): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>()
  const outgoing = request({ ...place, host: '127.0.0.1', path, headers, agent: false }, (incoming) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (part: string) => {
      body += part
    })
    incoming.on('end', () =>
      resolve({
        status: incoming.statusCode ?? 0,
        body: JSON.parse(body) as Record<string, unknown>,
        retryAfter: incoming.headers['retry-after'],
      }),
    )
  })
  outgoing.on('error', reject)
  outgoing.end()
  return promise
}

/** Without what differs from one request to the next. */
function stable({ status, body, retryAfter }: Got) {
  const { correlation_id: _, ...rest } = body
  return { status, body: rest, retryAfter }
}

test('the socket answers as the loopback address does, granted or refused', async (t) => {
  const path = socketPath(t)
  await using world = await startWithSocket(path)
  put(world.pods, makePod({ name: 'plain', selector: '', addresses: ['10.244.0.11'] }))
  const cases: [string, Record<string, string>][] = [
    [VAULT, SHOP],
    ['/host/token?resource=https://vault.azure.net&client_id=other', SHOP],
    ['/host/token', SHOP],
    [VAULT, { podns: 'default', podname: 'plain' }],
    [VAULT, { podns: 'default' }],
    [VAULT, { ...SHOP, 'x-forwarded-for': '10.0.0.1' }],
    ['/host/token?resource=a&resource=b', SHOP],
    ['/host/../host/token?resource=a', SHOP],
  ]
  const statuses: number[] = []
  for (const [target, headers] of cases) {
    const bySocket = await ask({ socketPath: path }, target, headers)
    assert.deepEqual(stable(bySocket), stable(await ask({ port: world.nmi.port }, target, headers)), target)
    statuses.push(bySocket.status)
  }
  assert.deepEqual(statuses, [200, 403, 400, 403, 400, 400, 400, 400])
})

test('nothing but the host token is answered there', async (t) => {
  const path = socketPath(t)
  await using world = await startWithSocket(path)
  const headers = { ...SHOP, metadata: 'true' }
  for (const target of [
    '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net',
    '/metadata/instance?api-version=2021-02-01',
    '/metadata/versions',
    '/',
  ]) {
    const got = await ask({ socketPath: path }, target, headers)
    assert.equal(got.status, 404, target)
    assert.deepEqual(got.body['error_codes'], ['path-unknown'], target)
  }
  assert.deepEqual([world.broker.requests, world.imds.asked], [[], []])
})

test('who made the token is told, since claims of an authority that anybody may name prove nothing', async (t) => {
  const path = socketPath(t)
  await using world = await startWithSocket(path)
  const authority = async () => (await ask({ socketPath: path })).body['authority']
  assert.equal(await authority(), 'imds')
  for (const [adEndpoint, told] of [
    ['', 'entra'],
    ['https://login.example/', 'https://login.example'],
    ['imds', ''],
    ['entra', ''],
  ] as const) {
    put(world.identities, makeIdentity({ type: 1, clientId: 'app', adEndpoint }))
    put(world.assigned, makeAssigned({ identity: makeIdentity({ type: 1, clientId: 'app', adEndpoint }) }))
    assert.equal(await authority(), told, adEndpoint)
  }
})

test('many pods of the node may wait at once, and a pod that comes is answered', async (t) => {
  const path = socketPath(t)
  await using world = await startWithSocket(path)
  const names = Array.from({ length: 100 }, (_, n) => `late-${n}`)
  const asked = names.map((podname) => ask({ socketPath: path }, VAULT, { podns: 'default', podname }))
  await world.waiting(names.length)
  for (const name of names) {
    put(world.pods, makePod({ name, addresses: [] }))
    put(world.assigned, makeAssigned({ name: `assigned-${name}`, pod: name, identity: makeIdentity() }))
  }
  assert.deepEqual(new Set((await Promise.all(asked)).map(({ status }) => status)), new Set([200]))
})

test('the file is open to the user of the agent alone, and goes when the agent does', async (t) => {
  const path = socketPath(t)
  const world = await startWithSocket(path)
  try {
    assert.equal(statSync(path).mode & 0o777, 0o600)
  } finally {
    await world.nmi.stop()
  }
  assert.equal(existsSync(path), false)
})

test('a successor takes the path over without a refused request, and the one before leaves it to it', async (t) => {
  const path = socketPath(t)
  const first = await startWithSocket(path)
  const over = new AbortController()
  const asking = (async () => {
    const statuses = new Set<number>()
    while (!over.signal.aborted) statuses.add((await ask({ socketPath: path })).status)
    return statuses
  })()
  await using second = await startWithSocket(path)
  const identity = makeIdentity({ clientId: clientIdOf('second') })
  put(second.identities, identity)
  put(second.assigned, makeAssigned({ identity }))
  await first.nmi.stop()
  assert.equal((await ask({ socketPath: path })).body['clientid'], clientIdOf('second'))
  over.abort()
  assert.deepEqual(await asking, new Set([200]))
  assert.ok(existsSync(path))
})

test('who has connected and not asked yet when the agent stops is answered', async (t) => {
  const path = socketPath(t)
  const world = await startWithSocket(path, { clock: new FakeClock() })
  const connected = Promise.withResolvers<undefined>()
  const socket = connect(path, () => connected.resolve(undefined))
  t.after(() => socket.destroy())
  await connected.promise
  const stopped = world.nmi.stop()
  const answer = text(socket)
  // Long enough for the agent to close what it takes for silent; its own patience ends by the clock of the test.
  for (let turns = 0; turns < 50; turns += 1) await turn()
  socket.write(`GET ${VAULT} HTTP/1.1\r\nhost: localhost\r\npodns: default\r\npodname: shop-0\r\n\r\n`)
  assert.match(await answer, /^HTTP\/1\.1 200 /)
  await stopped
})

test('when the successor ends, the one before takes the path back', async (t) => {
  const path = socketPath(t)
  await using first = await startWithSocket(path)
  const second = await startWithSocket(path)
  await second.nmi.stop()
  assert.equal(existsSync(path), false)
  await first.nmi.regain()
  assert.equal((await ask({ socketPath: path })).status, 200)
  await first.nmi.regain()
  assert.equal((await ask({ socketPath: path })).status, 200)
})

test('a request that is held when the path is taken over is answered by the one before', async (t) => {
  const path = socketPath(t)
  await using first = await startWithSocket(path)
  const held = ask({ socketPath: path }, VAULT, { podns: 'default', podname: 'late' })
  await first.waiting(1)
  await using _second = await startWithSocket(path)
  await first.nmi.regain()
  put(first.pods, makePod({ name: 'late', addresses: [] }))
  put(first.assigned, makeAssigned({ name: 'assigned-late', pod: 'late', identity: makeIdentity() }))
  assert.equal((await held).status, 200)
})

test('without the flag there is no socket, and giving a path back is nothing', async () => {
  await using world = await startNmi()
  await world.nmi.regain()
  assert.equal((await ask({ port: world.nmi.port })).status, 503)
})
