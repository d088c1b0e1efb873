import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  type Answer,
  json,
  startScriptedApi,
  status,
  stream,
  streamAndReset,
} from '../../test/fakes/scripted-api.ts'
import { DeadlineError } from '../base/deadline.ts'
import { createAgent } from './agent.ts'
import { parseRetryAfter } from './api-status.ts'
import { KubeAnswerError, KubeApiError, type KubeConnection, KubeUnreachableError } from './connection.ts'
import { createRest } from './rest.ts'

const NEVER = new AbortController().signal

async function setUp(t: TestContext, ...script: Answer[]) {
  const api = await startScriptedApi(...script)
  t.after(() => api.close())
  const clock = new FakeClock()
  return { api, clock, rest: createRest(api.connection(), clock) }
}

test('an answer is parsed, and the query goes out encoded without what is undefined', async (t) => {
  const { api, rest } = await setUp(t, json(200, { kind: 'Pod' }))
  const query = { fieldSelector: 'spec.nodeName=a&b', limit: 5, continue: undefined, watch: false }
  assert.deepEqual(await rest.getJson('/api/v1/pods', { query, signal: NEVER }), { kind: 'Pod' })
  const [ask] = api.asked
  assert.equal(ask?.path, '/api/v1/pods')
  assert.deepEqual(
    [...(ask?.query ?? [])],
    [
      ['fieldSelector', 'spec.nodeName=a&b'],
      ['limit', '5'],
      ['watch', 'false'],
    ],
  )
  assert.equal(ask?.headers['user-agent'], 'podid')
})

test('a write carries its JSON and its content type', async (t) => {
  const { api, rest } = await setUp(t, json(201, {}), json(200, {}))
  await rest.send('POST', '/x', { body: { a: 'ä' }, signal: NEVER })
  await rest.send('PATCH', '/x', { body: [], contentType: 'application/json-patch+json', signal: NEVER })
  assert.deepEqual(
    api.asked.map((ask) => [ask.method, ask.body, ask.headers['content-type']]),
    [
      ['POST', '{"a":"ä"}', 'application/json'],
      ['PATCH', '[]', 'application/json-patch+json'],
    ],
  )
})

test('a server below a path of its own is asked below that path', async (t) => {
  const api = await startScriptedApi(json(200, {}))
  t.after(() => api.close())
  const connection = { ...api.connection(), server: `${api.url}/k8s/clusters/c-1` }
  await createRest(connection, new FakeClock()).getJson('/api/v1/pods', { signal: NEVER })
  assert.equal(api.asked[0]?.path, '/k8s/clusters/c-1/api/v1/pods')
})

test('a Status becomes a KubeApiError with its reason, message and the wait it asks for', async (t) => {
  const { rest } = await setUp(
    t,
    status(409, 'Conflict'),
    status(429, 'TooManyRequests', { 'retry-after': '3' }),
  )
  await assert.rejects(rest.getJson('/a', { signal: NEVER }), (thrown) => {
    assert.ok(thrown instanceof KubeApiError)
    assert.deepEqual([thrown.status, thrown.reason, thrown.retryAfterSeconds], [409, 'Conflict', undefined])
    assert.equal(thrown.message, 'GET /a: HTTP 409 Conflict: Conflict!')
    return true
  })
  await assert.rejects(rest.getJson('/a', { signal: NEVER }), { status: 429, retryAfterSeconds: 3 })
})

test('an error that is no Status says so and does not repeat the page of a proxy', async (t) => {
  const page: Answer = (response) => void response.writeHead(502).end('<html>secret-looking</html>')
  const { rest } = await setUp(t, page)
  await assert.rejects(rest.getJson('/a', { signal: NEVER }), {
    name: 'KubeApiError',
    status: 502,
    message: 'GET /a: HTTP 502 without a Status',
  })
})

test('an answer that is no JSON, too large or broken off is an error of its own kind', async (t) => {
  const { rest } = await setUp(
    t,
    (response) => void response.end('<html>'),
    json(200, { text: 'x'.repeat(2_000) }),
    streamAndReset('{"items":['),
  )
  await assert.rejects(rest.getJson('/a', { signal: NEVER }), KubeAnswerError)
  await assert.rejects(rest.getJson('/a', { signal: NEVER, maxBytes: 1_000 }), { tooLarge: true })
  await assert.rejects(rest.getJson('/a', { signal: NEVER }), KubeUnreachableError)
})

test('a server that nobody answers for is unreachable, with the cause behind it', async () => {
  const api = await startScriptedApi()
  const connection = api.connection()
  await api.close()
  await assert.rejects(createRest(connection, new FakeClock()).getJson('/a', { signal: NEVER }), (thrown) => {
    assert.ok(thrown instanceof KubeUnreachableError)
    assert.equal((thrown.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    return true
  })
})

for (const [what, held] of [
  ['without an answer', () => {}],
  ['in the middle of its answer', stream('{"items":[')],
] as const) {
  test(`a call that hangs ${what} ends at its deadline`, async (t) => {
    const reached = Promise.withResolvers<undefined>()
    const { clock, rest } = await setUp(t, async (response, ask) => {
      await held(response, ask)
      reached.resolve(undefined)
    })
    const call = rest.getJson('/a', { signal: NEVER, deadlineMs: 5_000 })
    const failed = assert.rejects(call, DeadlineError)
    await reached.promise
    await clock.advance(5_000)
    await failed
    assert.equal(clock.timers, 0)
  })
}

test('an aborted call ends with the reason of its signal', async (t) => {
  const reached = Promise.withResolvers<undefined>()
  const { rest } = await setUp(t, () => reached.resolve(undefined))
  const stop = new AbortController()
  const failed = assert.rejects(rest.getJson('/a', { signal: stop.signal }), /enough/)
  await reached.promise
  stop.abort(new Error('enough'))
  await failed
  await assert.rejects(rest.getJson('/a', { signal: stop.signal }), /enough/)
})

test('a stream outlives the deadline of its opening and ends with its signal', async (t) => {
  const { clock, rest } = await setUp(t, stream('one\n'))
  const stop = new AbortController()
  const pieces = await rest.open('/a', { signal: stop.signal, deadlineMs: 1_000 })
  await clock.advance(60_000)
  const seen: string[] = []
  const read = async (): Promise<void> => {
    for await (const piece of pieces) {
      seen.push(Buffer.from(piece).toString())
      stop.abort(new Error('enough'))
    }
  }
  await assert.rejects(read(), /enough/)
  assert.deepEqual(seen, ['one\n'])
})

test('a read that meets a connection which the server just closed is sent again', async (t) => {
  const api = await startScriptedApi(
    json(200, { n: 1 }),
    (response) => void response.socket?.destroy(),
    json(200, { n: 2 }),
    json(200, { n: 3 }),
    (response) => void response.socket?.destroy(),
  )
  const agent = createAgent(api.url, {})
  t.after(() => {
    agent.destroy()
    return api.close()
  })
  const connection: KubeConnection = {
    server: api.url,
    requestOptions: async () => ({ agent }),
    close: () => agent.destroy(),
  }
  const rest = createRest(connection, new FakeClock())
  assert.deepEqual(await rest.getJson('/a', { signal: NEVER }), { n: 1 })
  assert.deepEqual(await rest.getJson('/a', { signal: NEVER }), { n: 2 })
  assert.deepEqual(await rest.getJson('/a', { signal: NEVER }), { n: 3 })
  await assert.rejects(rest.send('POST', '/a', { body: {}, signal: NEVER }), KubeUnreachableError)
  assert.equal(api.asked.length, 5, 'a write is not sent twice')
})

test('Retry-After is read as seconds and as a date, and nonsense is none', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(parseRetryAfter('120', now), 120)
  assert.equal(parseRetryAfter(new Date(now + 1_500).toUTCString(), now), 1)
  assert.equal(parseRetryAfter(new Date(now - 9_000).toUTCString(), now), 0)
  for (const wrong of [undefined, '', '-1', 'soon', '99999999999999999999']) {
    assert.equal(parseRetryAfter(wrong, now), undefined, String(wrong))
  }
})
