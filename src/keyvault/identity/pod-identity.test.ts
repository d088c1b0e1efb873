import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type StubAnswer, type StubRequest, startStub } from '../../../test/harness/stub-server.ts'
import { systemClock } from '../../base/clock.ts'
import { OperatorError } from '../../base/errors.ts'
import { MountFailure } from '../mount-failure.ts'
import { createPodIdentity } from './pod-identity.ts'

const never = new AbortController().signal
const REQUEST = { resource: 'https://vault.azure.net', pod: { namespace: 'shop', name: 'web-0' } }
const GRANTED = {
  token: { access_token: 'abc', expires_on: '4102444800', expires_in: '3600', not_before: '0' },
  clientid: 'c0c0c0c0-0000-4000-8000-000000000001',
  authority: 'imds',
}

async function start(answer: (request: StubRequest) => StubAnswer) {
  const stub = await startStub(answer)
  const door = createPodIdentity({ clock: systemClock, endpoint: stub.origin })
  return {
    stub,
    door,
    async [Symbol.asyncDispose]() {
      door.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

test('the host door is asked as the old provider asked it', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  const got = await world.door.token(REQUEST, never)
  assert.equal(got.issued.value.reveal(), 'abc')
  assert.equal(got.clientId, GRANTED.clientid)
  await world.door.token({ ...REQUEST, refusedTokenSha256: 'ab12' }, never)
  const [first, second] = world.stub.requests
  assert.equal(first?.target, '/host/token/?resource=https%3A%2F%2Fvault.azure.net')
  assert.deepEqual([first.headers['podns'], first.headers['podname']], ['shop', 'web-0'])
  assert.equal(first.headers['metadata'], undefined)
  assert.match(second?.target ?? '', /&token_sha256_to_refresh=ab12$/)
})

test('an authority that is told over TCP is not believed, since anybody of the node may answer there', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  assert.equal((await world.door.token(REQUEST, never)).authority, '')
})

test('over a socket it is, and a socket without a listener or a right to open it is told as such', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'podid-door-'))
  const path = join(folder, 'host.sock')
  const server = createServer((_, response) => response.end(JSON.stringify(GRANTED)))
  const door = createPodIdentity({ clock: systemClock, endpoint: `unix://${path}` })
  try {
    const missing = `NMI does not run on this node: nobody listens at unix://${path}`
    await assert.rejects(door.token(REQUEST, never), { code: 'identity-unavailable', message: missing })
    await new Promise<void>((listening) => server.listen(path, listening))
    assert.equal((await door.token(REQUEST, never)).authority, 'imds')
    door.close()
    chmodSync(path, 0)
    const closed = createPodIdentity({ clock: systemClock, endpoint: `unix://${path}` })
    // Root may open everything.
    if (process.getuid?.() !== 0)
      await assert.rejects(closed.token(REQUEST, never), /this process may not open unix:/)
    closed.close()
  } finally {
    door.close()
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  }
})

test('a node without NMI is told with the place where it should listen', async () => {
  const { origin, [Symbol.asyncDispose]: close } = await startStub(() => ({}))
  await close()
  const door = createPodIdentity({ clock: systemClock, endpoint: origin })
  await assert.rejects(door.token(REQUEST, never), (thrown) => {
    assert.ok(thrown instanceof MountFailure)
    assert.equal(thrown.code, 'identity-unavailable')
    assert.equal(thrown.message, `NMI does not run on this node: nobody listens at ${origin}`)
    return true
  })
  door.close()
})

test('refusals, faults and answers that are too large are failures of the mount; its end is its own', async () => {
  let answer: StubAnswer = {}
  await using world = await start(() => answer)
  const attempt = async (given: StubAnswer) => {
    answer = given
    const thrown: unknown = await world.door.token(REQUEST, never).catch((reason: unknown) => reason)
    assert.ok(thrown instanceof MountFailure, String(thrown))
    return `${thrown.code}: ${thrown.message}`
  }
  assert.equal(
    await attempt({ status: 403, body: 'no\n' }),
    'identity-refused: nmi response failed with status code: 403, response body: no',
  )
  assert.match(await attempt({ status: 301, headers: { location: 'http://x' } }), /^identity-refused: .* 301/)
  assert.match(await attempt({ body: '<html>' }), /^identity-unavailable: nmi did not return expected values/)
  assert.match(
    await attempt({ body: 'x'.repeat(300_000) }),
    /^identity-unavailable: NMI at .* is larger than/,
  )
  const ended = new AbortController()
  ended.abort(new Error('mount ended'))
  await assert.rejects(world.door.token(REQUEST, ended.signal), /mount ended/)
})

test('an endpoint is an address of the node or a socket', () => {
  for (const endpoint of [
    '',
    'https://127.0.0.1:2579',
    'http://127.0.0.1/x',
    'unix://run/x.sock',
    'localhost:2579',
  ])
    assert.throws(() => createPodIdentity({ clock: systemClock, endpoint }), OperatorError, endpoint)
  for (const endpoint of ['http://localhost:2579', 'http://[::1]:2579/', 'unix:///var/run/podid/host.sock'])
    createPodIdentity({ clock: systemClock, endpoint }).close()
})
