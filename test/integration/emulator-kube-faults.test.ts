/**
 * What only the emulated API server can be told to do: to keep a short history, to let a clock of the test
 * pass, to misbehave, to be down. What every API server has to do is in test/kube-cases/.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { KubeEmulator, KubeEmulatorOptions } from '../../emulator/kube/kube-emulator.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { startTestKube } from '../harness/kube-emulator.ts'
import type { KubeHttp } from '../harness/kube-http.ts'
import { kubeHttp } from '../harness/kube-http.ts'

const PODS = '/api/v1/namespaces/default/pods'

async function start(
  context: TestContext,
  options: KubeEmulatorOptions = {},
): Promise<{ kube: KubeEmulator; http: KubeHttp }> {
  const kube = await startTestKube(context, options)
  return { kube, http: kubeHttp(context, kube) }
}

function pod(
  name: string,
  rest: { labels?: object; nodeName?: string; phase?: string } = {},
): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: rest.labels ?? {} },
    spec: { nodeName: rest.nodeName ?? 'n', containers: [{ name: 'a', image: 'i' }] },
    status: { phase: rest.phase ?? 'Running' },
  }
}

async function versionNow(http: KubeHttp): Promise<string> {
  return (await http.ask('GET', PODS)).json().metadata?.resourceVersion ?? ''
}

test('a watch that starts before the remembered history gets 410 as an ERROR event and ends', async (t) => {
  const { kube, http } = await start(t, { historyEvents: 5 })
  kube.load([pod('a')])
  const version = await versionNow(http)
  for (let round = 0; round < 20; round += 1)
    kube.load([pod('a', { phase: round % 2 === 0 ? 'Failed' : 'Running' })])
  const watch = await http.watch(`${PODS}?watch=1&resourceVersion=${version}`)
  assert.equal(watch.code, 200)
  const error = await watch.next()
  assert.equal(error?.type, 'ERROR')
  assert.deepEqual([error?.object.kind, error?.object.code, error?.object.reason], ['Status', 410, 'Expired'])
  assert.match(error?.object.message ?? '', /^too old resource version: \d+ \(\d+\)$/)
  assert.equal(await watch.next(), undefined)
})

test('a watch ends after timeoutSeconds, with a last bookmark for those who asked for bookmarks', async (t) => {
  const clock = new FakeClock()
  const { http } = await start(t, { clock })
  const version = await versionNow(http)
  const watch = await http.watch(
    `${PODS}?watch=1&resourceVersion=${version}&timeoutSeconds=30&allowWatchBookmarks=true`,
  )
  await clock.advance(30_000)
  assert.equal((await watch.next())?.type, 'BOOKMARK')
  assert.equal(await watch.next(), undefined)
})

test('faults: watches are cut in the middle of a line, told 410, ended and delayed', async (t) => {
  const clock = new FakeClock()
  const { kube, http } = await start(t, { clock })
  const version = await versionNow(http)
  const path = `${PODS}?watch=1&resourceVersion=${version}`
  const cut = await http.watch(path)
  assert.equal(kube.faults.dropWatches({ resource: 'pods' }, { midLine: true }), 1)
  assert.equal(await cut.next(), undefined)
  const told = await http.watch(path)
  kube.faults.expireWatches()
  assert.deepEqual([(await told.next())?.object.code, await told.next()], [410, undefined])
  const ended = await http.watch(path)
  kube.faults.endWatches()
  assert.equal(await ended.next(), undefined)
  kube.faults.add({ match: { verb: 'watch' }, action: { kind: 'delay-watch', ms: 500 }, count: 1 })
  const late = await http.watch(path)
  kube.load([pod('a')])
  let arrived = false
  const event = late.next().then((each) => {
    arrived = true
    return each
  })
  await clock.advance(499)
  assert.equal(arrived, false)
  await clock.advance(1)
  assert.equal((await event)?.object.metadata?.name, 'a')
  late.close()
  kube.faults.add({ match: { verb: 'watch', resource: 'pods' }, action: { kind: 'expired' }, count: 1 })
  const storm = await http.watch(path)
  assert.equal((await storm.next())?.object.code, 410)
})

test('faults: statuses by count, lost answers, stalls and resets strike only what they match', async (t) => {
  const clock = new FakeClock()
  const { kube, http } = await start(t, { clock })
  kube.faults.add({
    match: { verb: 'list', resource: 'pods' },
    action: { kind: 'status', code: 429, retryAfterSeconds: 7 },
    count: 2,
  })
  const refused = await http.ask('GET', PODS)
  assert.deepEqual(
    [refused.code, refused.headers['retry-after'], refused.json().reason],
    [429, '7', 'TooManyRequests'],
  )
  assert.equal((await http.ask('GET', '/api/v1/nodes')).code, 200)
  assert.equal((await http.ask('GET', PODS)).code, 429)
  assert.equal((await http.ask('GET', PODS)).code, 200)
  kube.faults.add({ match: { verb: 'create' }, action: { kind: 'lost-answer', code: 504 }, count: 1 })
  const lost = await http.ask('POST', PODS, { body: pod('a') })
  assert.equal(lost.code, 504)
  assert.equal(kube.objects('pods').length, 1)
  kube.faults.add({ match: { verb: 'get' }, action: { kind: 'reset' }, count: 1 })
  await assert.rejects(http.ask('GET', `${PODS}/a`), { code: 'ECONNRESET' })
  kube.faults.add({ match: { verb: 'get' }, action: { kind: 'stall', ms: 1000 }, count: 1 })
  const stalled = { answered: false }
  const reply = http.ask('GET', `${PODS}/a`).then((each) => {
    stalled.answered = true
    return each
  })
  await clock.advance(999)
  assert.equal(stalled.answered, false)
  while (!stalled.answered) await clock.advance(1)
  assert.equal((await reply).code, 200)
  assert.equal(kube.faults.list().length, 0)
})

test('a server that is taken down cuts its clients off and comes back on the same port with its state', async (t) => {
  const { kube, http } = await start(t)
  kube.load([pod('a')])
  const watch = await http.watch(`${PODS}?watch=1&resourceVersion=${await versionNow(http)}`)
  await kube.faults.takeDown()
  assert.equal(await watch.next(), undefined)
  await assert.rejects(http.ask('GET', PODS), { code: 'ECONNREFUSED' })
  await kube.faults.bringUp()
  assert.deepEqual(
    (await http.ask('GET', PODS)).json().items?.map((each) => each.metadata?.name),
    ['a'],
  )
})

test('the admin endpoint adds faults, shows the audit and the state', async (t) => {
  const { kube, http } = await start(t, { admin: true })
  const { request } = await import('node:http')
  const admin = async (method: string, path: string, body?: object): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const outgoing = request(`${kube.adminUrl}${path}`, { method, agent: false }, (incoming) => {
      let text = ''
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()))
      incoming.on('end', () => resolve(text))
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? '' : JSON.stringify(body))
    return JSON.parse(await promise) as unknown
  }
  await admin('POST', '/faults', { match: { verb: 'list' }, action: { kind: 'status', code: 503 }, count: 1 })
  assert.equal((await http.ask('GET', PODS)).code, 503)
  const audit = (await admin('GET', '/audit')) as {
    code: number
    user: string
    resource: string
    verb: string
  }[]
  assert.deepEqual(
    audit.map(({ code, user, resource, verb }) => ({ code, user, resource, verb })),
    [{ code: 503, user: 'kubernetes-admin', resource: 'pods', verb: 'list' }],
  )
  assert.match(JSON.stringify(await admin('POST', '/faults', { action: {} })), /a fault needs \\"match\\"/)
  assert.ok('namespaces.' in ((await admin('GET', '/state')) as object))
})
