import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createImdsClient } from '../../src/azure/imds-client.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../src/azure/upstream-error.ts'
import { systemClock } from '../../src/base/clock.ts'
import { type StubAnswer, startStub } from '../harness/stub-server.ts'

const never = new AbortController().signal
const RESOURCE = 'https://vault.azure.net'

const TOKEN = {
  access_token: 'abc.def.ghi',
  client_id: 'cid',
  expires_in: '86399',
  expires_on: '4102444800',
  not_before: '1767225600',
  resource: RESOURCE,
  token_type: 'Bearer',
}

async function start(answer: () => StubAnswer | undefined) {
  const stub = await startStub(answer)
  const imds = createImdsClient({ clock: systemClock, baseUrl: stub.origin })
  return {
    stub,
    imds,
    async [Symbol.asyncDispose]() {
      imds.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

test('IMDS is asked as the SDKs ask it, with at most one selector', async () => {
  await using world = await start(() => ({ body: TOKEN }))
  const { imds, stub } = world
  const token = await imds.token({ resource: 'https://a.b/c d&e' }, never)
  assert.equal(token.value.reveal(), TOKEN.access_token)
  assert.equal(token.expiresOn, 4_102_444_800)
  await imds.token({ resource: RESOURCE, selector: { name: 'msi_res_id', value: '/subscriptions/x' } }, never)
  const [plain, selected] = stub.requests.map(({ target }) => new URL(target, stub.origin))
  assert.equal(plain?.pathname, '/metadata/identity/oauth2/token')
  assert.deepEqual(
    [...(plain?.searchParams ?? [])],
    [
      ['api-version', '2018-02-01'],
      ['resource', 'https://a.b/c d&e'],
    ],
  )
  assert.equal(selected?.searchParams.get('msi_res_id'), '/subscriptions/x')
  for (const { headers, method } of stub.requests) {
    assert.equal(method, 'GET')
    assert.equal(headers['metadata'], 'true')
    assert.equal(headers['x-forwarded-for'], undefined)
  }
})

test('every error answer of IMDS has one meaning, decided by its status first', async () => {
  const invalid = (text: string) => ({ error: 'invalid_request', error_description: text })
  const cases: [StubAnswer, UpstreamErrorKind, RegExp][] = [
    [{ status: 400, body: invalid('Identity not found') }, 'identity-unknown', /does not know the identity/],
    [
      { status: 400, body: invalid('Multiple user assigned identities exist, please') },
      'denied',
      /Multiple user/,
    ],
    [
      {
        status: 400,
        body: { error: 'invalid_resource', error_description: 'AADSTS500011: No x. Trace ID: 1' },
      },
      'denied',
      /^IMDS refused the token: invalid_resource: AADSTS500011: No x$/,
    ],
    [{ status: 400, body: invalid('AADSTS90033: A transient error has occurred.') }, 'unavailable', /90033/],
    [{ status: 400, body: '<html>' }, 'unavailable', /400/],
    [{ status: 403, body: invalid('no') }, 'denied', /no/],
    [{ status: 404, body: { error: 'Not Found' } }, 'unavailable', /404/],
    [{ status: 404, body: invalid('Identity not found') }, 'unavailable', /404/],
    [{ status: 410 }, 'unavailable', /410/],
    [
      { status: 429, body: invalid('Temporarily throttled, too many requests') },
      'throttled',
      /limits this node/,
    ],
    [{ status: 429, body: invalid('Identity not found') }, 'throttled', /limits/],
    [{ status: 500, body: 'text' }, 'unavailable', /500/],
    [
      { status: 503, body: '<html>host agent</html>', headers: { 'content-type': 'text/html' } },
      'unavailable',
      /503/,
    ],
    [{ status: 302, headers: { location: 'http://127.0.0.1:1' } }, 'unavailable', /302/],
    [{ status: 200, body: '<html>' }, 'unavailable', /no token/],
    [{ status: 200, body: { access_token: 'x' } }, 'unavailable', /no token/],
    [{ status: 202, body: TOKEN }, 'unavailable', /202/],
  ]
  for (const [answer, kind, message] of cases) {
    await using world = await start(() => answer)
    await assert.rejects(world.imds.token({ resource: RESOURCE }, never), (thrown) => {
      assert.ok(thrown instanceof UpstreamError)
      assert.equal(thrown.kind, kind, JSON.stringify(answer))
      assert.equal(thrown.status, answer.status)
      assert.match(thrown.message, message)
      return true
    })
  }
})

test('Retry-After of IMDS is kept', async () => {
  await using world = await start(() => ({ status: 429, headers: { 'retry-after': '7' } }))
  await assert.rejects(
    world.imds.token({ resource: RESOURCE }, never),
    (thrown) => thrown instanceof UpstreamError && thrown.retryAfterSeconds === 7,
  )
})

test('no answer is unavailable and keeps its cause; a caller who left gets his own reason', async () => {
  const silent = createImdsClient({ clock: systemClock, baseUrl: 'http://127.0.0.1:1' })
  await assert.rejects(
    silent.token({ resource: RESOURCE }, never),
    (thrown) =>
      thrown instanceof UpstreamError && thrown.kind === 'unavailable' && thrown.cause instanceof Error,
  )
  silent.close()
  await using world = await start(() => undefined)
  const reason = new Error('left')
  await assert.rejects(
    world.imds.token({ resource: RESOURCE }, AbortSignal.abort(reason)),
    (thrown) => thrown === reason,
  )
})

test('plain metadata is passed on as it is', async () => {
  await using world = await start(() => ({
    status: 200,
    body: 'westeurope',
    headers: { 'content-type': 'text/plain' },
  }))
  const path = '/metadata/instance/compute/location?api-version=2020-06-01&format=text'
  const answer = await world.imds.get(path, never)
  assert.deepEqual(
    [answer.status, answer.contentType, answer.body.toString()],
    [200, 'text/plain', 'westeurope'],
  )
  assert.equal(world.stub.requests[0]?.target, path)
  assert.equal(world.stub.requests[0]?.headers['metadata'], 'true')
})

test('no path that could hold a credential is passed on, in whatever spelling', async () => {
  await using world = await start(() => ({ body: TOKEN }))
  for (const path of [
    '/metadata/identity/oauth2/token?resource=x',
    '/metadata/identity/info/../oauth2/token',
    '/metadata/identity/info\\..\\oauth2/token',
    '/metadata/instance/../identity/oauth2/token',
    '/metadata/instance/%2e%2e/identity/oauth2/token',
    '/metadata/instance//identity/oauth2',
    '/metadata/instance\\..\\identity\\oauth2\\token',
    '/metadata/identity/issuecredential',
    '/metadata/identity/getplatformmetadata',
    '//evil.example/metadata/instance',
    'http://evil.example/metadata/instance',
    '/metadata/instance?x=1#/identity',
    '/metadata/instance?x=\r\nHost: y',
    '/Metadata/Identity/oauth2/token',
    '/',
    '',
  ])
    await assert.rejects(
      world.imds.get(path, never),
      (thrown) => thrown instanceof UpstreamError && thrown.kind === 'denied',
      path,
    )
  assert.equal(world.stub.requests.length, 0)
})
