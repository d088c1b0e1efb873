import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from '../../src/nmi/caller.ts'
import { holdLimits, nmiConfig } from '../../src/nmi/config.ts'
import { TokenError } from '../../src/tokens/token-source.ts'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { ask, rawSocket } from '../harness/http.ts'
import { bindShop, put, remove, startNmi } from '../harness/nmi-world.ts'
import {
  clientIdOf,
  makeAssigned,
  makeBinding,
  makeException,
  makeIdentity,
  makePod,
} from '../make/objects.ts'

const TOKEN = '/metadata/identity/oauth2/token'
const VAULT = `${TOKEN}?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net`

test('a bound pod gets the token in the form of IMDS, all values strings', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 200)
  assert.equal(answer.reason, 'OK')
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(answer.headers['cache-control'], 'no-store')
  const { expires_in: expiresIn, ext_expires_in: extended, ...rest } = answer.json()
  assert.match(String(expiresIn), /^\d+$/)
  assert.equal(typeof expiresIn, 'string')
  assert.equal(extended, expiresIn)
  assert.deepEqual(rest, {
    access_token: tokenTextOf(identity),
    client_id: clientIdOf('shop'),
    refresh_token: '',
    expires_on: '4102444800',
    not_before: '1',
    resource: 'https://vault.azure.net',
    token_type: 'Bearer',
  })
})

test('a probe without the metadata header gets the words of IMDS, starts no work and is no refusal', async () => {
  await using world = await startNmi()
  bindShop(world)
  world.broker.cached = false
  for (const path of [TOKEN, `${TOKEN}/`, VAULT, '/metadata/instance?api-version=2021-02-01']) {
    for (const headers of [{}, { Metadata: 'false' }, { Metadata: 'true, true' }]) {
      const answer = await ask(world.url, path, { headers })
      assert.equal(answer.status, 400, path)
      assert.equal(answer.reason, 'Bad Request')
      assert.equal(
        answer.text,
        '{"error":"invalid_request","error_description":"Required metadata header not specified"}',
      )
    }
  }
  assert.equal(world.broker.requests.length, 0)
  assert.equal(world.imds.asked.length, 0)
  const metrics = await world.registry.metrics()
  assert.match(metrics, /podid_nmi_probes_total 12/)
  assert.doesNotMatch(metrics, /podid_nmi_refusals_total\{/)
})

test('the metadata header can be made optional, as the old flag did', async () => {
  await using world = await startNmi({ metadataHeaderRequired: false })
  bindShop(world)
  assert.equal((await ask(world.url, VAULT, { headers: {} })).status, 200)
})

test('the credential paths of newer SDKs are not there, with and without the header', async () => {
  await using world = await startNmi()
  bindShop(world)
  for (const name of [
    'getplatformmetadata',
    'issuecredential',
    'credential',
    'IssueCredential/',
    '%69ssuecredential',
  ]) {
    for (const headers of [{}, { Metadata: 'true' }]) {
      for (const method of ['GET', 'POST']) {
        const answer = await ask(world.url, `/metadata/identity/${name}?cred-api-version=2.0`, {
          headers,
          method,
        })
        assert.equal(answer.status, 404, name)
        assert.equal(answer.json()['error'], 'invalid_request')
      }
    }
  }
  assert.equal(world.imds.asked.length, 0)
})

test('refusals by the form of the request: verb, proxy header, body, resource, path', async () => {
  await using world = await startNmi()
  bindShop(world)
  const head = { Metadata: 'true' }
  const cases: [string, Parameters<typeof ask>[2], number, RegExp][] = [
    [VAULT, { method: 'POST', headers: head }, 405, /method-not-allowed/],
    [VAULT, { method: 'PUT', headers: head }, 405, /method-not-allowed/],
    [VAULT, { headers: { ...head, 'X-Forwarded-For': '10.0.0.1' } }, 400, /NO_PROXY/],
    [VAULT, { headers: { ...head, 'Content-Length': '5' } }, 400, /has a body/],
    [VAULT, { headers: { ...head, 'Transfer-Encoding': 'chunked' } }, 400, /has a body/],
    [`${TOKEN}?api-version=2018-02-01`, { headers: head }, 400, /parameter resource cannot be empty/],
    [`${VAULT}&resource=x`, { headers: head }, 400, /stands twice/],
    ['/metadata/identity\\oauth2\\token?resource=r', { headers: head }, 400, /backslash/],
    ['/elsewhere', { headers: head }, 404, /path-unknown/],
  ]
  for (const [path, options, status, text] of cases) {
    const answer = await ask(world.url, path, options)
    assert.equal(answer.status, status, path)
    assert.match(String(answer.json()['error_description']), text)
  }
  assert.equal(world.broker.requests.length, 0)
})

test('a refusal names the broken link in the body, in the audit line and in the metric', async () => {
  const world = await startNmi()
  put(world.pods, makePod({ name: 'shop', selector: 'shp', addresses: ['127.0.0.1'] }))
  put(world.bindings, makeBinding())
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 403)
  assert.equal(answer.reason, 'Forbidden')
  const body = answer.json()
  assert.equal(body['error'], 'access_denied')
  assert.match(
    String(body['error_description']),
    /pod default\/shop has label aadpodidbinding=shp; bindings here select: shop\. Did you mean shop\? Make the label/,
  )
  assert.equal(body['correlation_id'], answer.headers['x-ms-request-id'])
  assert.match(
    await world.registry.metrics(),
    /podid_nmi_refusals_total\{code="no-binding",blame="configuration"\} 1/,
  )
  await world.nmi.stop()
  const [line] = world.audit
  assert.equal(line?.['outcome'], 'no-binding')
  assert.equal(line?.['requestId'], body['correlation_id'])
  assert.match(String(line?.['text']), /Did you mean shop/)
})

test('an address that belongs to no pod is refused, retryable', async () => {
  await using world = await startNmi({ hold: { ...nmiConfig().hold, callerMs: 1 } })
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 503)
  assert.equal(answer.headers['retry-after'], '2')
  assert.match(String(answer.json()['error_description']), /pod-unknown/)
})

test('before the first lists have come the agent is not ready and says which are missing', async () => {
  await using world = await startNmi({ synced: false })
  bindShop(world)
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 503)
  assert.match(String(answer.json()['error_description']), /agent-not-ready/)
  world.pods.markSynced()
  assert.deepEqual(world.nmi.checks(), [
    {
      name: 'cluster-state',
      failure: 'the first list is missing of: bindings, identities, exceptions, assigned',
    },
  ])
  for (const store of [world.bindings, world.identities, world.exceptions, world.assigned]) store.markSynced()
  assert.equal((await ask(world.url, VAULT)).status, 200)
  assert.equal(world.nmi.checks()[0]?.failure, undefined)
})

test('a request for an identity that is still being assigned is answered when the object says Assigned', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  const waiting = ask(world.url, VAULT)
  await world.waiting(1)
  put(world.assigned, makeAssigned({ identity }))
  assert.equal((await waiting).json()['access_token'], tokenTextOf(identity))
})

test('the disconnect of the client ends its wait', async () => {
  await using world = await startNmi()
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  const controller = new AbortController()
  const waiting = ask(world.url, VAULT, { signal: controller.signal })
  await world.waiting(1)
  controller.abort()
  await assert.rejects(waiting)
  await world.waiting(0)
})

test('a revoked binding ends the tokens at once, on the same connection', async () => {
  await using world = await startNmi()
  bindShop(world)
  assert.equal((await ask(world.url, VAULT)).status, 200)
  remove(world.bindings, makeBinding())
  assert.equal((await ask(world.url, VAULT)).status, 403)
  put(world.bindings, makeBinding())
  assert.equal((await ask(world.url, VAULT)).status, 200)
})

test('when a pod ends its connections are cut and its tokens are let go', async () => {
  await using world = await startNmi()
  const { pod } = bindShop(world)
  world.broker.cached = false
  const gate = Promise.withResolvers<undefined>()
  world.broker.gate = () => gate.promise
  const waiting = ask(world.url, VAULT)
  await world.waiting(1)
  const cut = assert.rejects(waiting, /hang up|reset/i)
  put(world.pods, makePod({ ...pod, phase: 'Succeeded' }))
  await cut
  gate.resolve(undefined)
  assert.deepEqual(world.broker.gone, [pod.uid])
  await world.waiting(0)
})

test('a pod that was replaced under the same name loses its connection, the new one is served', async () => {
  await using world = await startNmi()
  const { pod } = bindShop(world)
  await using kept = await rawSocket(world.nmi.port)
  kept.send(`GET ${VAULT} HTTP/1.1\r\nHost: a\r\nMetadata: true\r\n\r\n`)
  await kept.until(/Bearer"\}$/)
  put(world.pods, { ...pod, uid: 'the-next-one' })
  assert.match(await kept.closed, /^HTTP\/1\.1 200 OK/)
  assert.equal((await ask(world.url, VAULT)).status, 200)
})

test('one pod has no more than two metadata requests at IMDS and four that wait', async () => {
  await using world = await startNmi()
  const gate = Promise.withResolvers<undefined>()
  world.imds.answer = async () => {
    await gate.promise
    return { status: 200, contentType: 'application/json', body: Buffer.from('{}') }
  }
  const path = '/metadata/instance?api-version=2021-02-01'
  const answers = Array.from({ length: 7 }, () => ask(world.url, path))
  const refused = await Promise.race(answers)
  assert.equal(refused.status, 429)
  assert.equal(refused.headers['retry-after'], '2')
  assert.match(refused.text, /upstream-throttled/)
  assert.equal(world.imds.asked.length, 2)
  gate.resolve(undefined)
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  assert.deepEqual(statuses.sort(), [200, 200, 200, 200, 200, 200, 429])
})

test('refusals of upstream keep their cause, status and Retry-After', async () => {
  await using world = await startNmi()
  bindShop(world)
  const cases: [TokenError, number, string | undefined][] = [
    [new TokenError('token-denied', 'AADSTS700016: no such application'), 403, undefined],
    [new TokenError('upstream-throttled', 'IMDS is limiting', { retryAfterSeconds: 9 }), 429, '9'],
    [new TokenError('upstream-unavailable', 'IMDS did not answer'), 503, '2'],
    [new TokenError('secret-unusable', 'Secret default/s has no key'), 403, undefined],
  ]
  for (const [error, status, retryAfter] of cases) {
    world.broker.fail = () => error
    const answer = await ask(world.url, VAULT)
    assert.equal(answer.status, status, error.code)
    assert.equal(answer.headers['retry-after'], retryAfter)
    assert.match(String(answer.json()['error_description']), new RegExp(error.message))
  }
})

test('a fault inside podid fails one request and says so without details', async () => {
  await using world = await startNmi()
  bindShop(world)
  world.broker.fail = () => new TypeError('secret detail')
  const answer = await ask(world.url, VAULT)
  assert.equal(answer.status, 500)
  assert.doesNotMatch(answer.text, /secret detail/)
  world.broker.peek = () => {
    throw new TypeError('secret detail')
  }
  assert.equal((await ask(world.url, VAULT)).status, 500)
})

test('the old status codes come back by a flag', async () => {
  await using world = await startNmi({ legacyStatusCodes: true })
  put(world.pods, makePod({ addresses: ['127.0.0.1'] }))
  assert.equal((await ask(world.url, VAULT)).status, 404)
})

test('more waiting requests than a pod may have are turned away, retryable', async () => {
  await using world = await startNmi({ limits: { maxWaitingPerAddress: 3 } })
  const { identity } = bindShop(world)
  put(world.assigned, makeAssigned({ identity, state: 'Created' }))
  const held = [ask(world.url, VAULT), ask(world.url, VAULT), ask(world.url, VAULT)]
  await world.waiting(3)
  const refused = await ask(world.url, VAULT)
  assert.equal(refused.status, 503)
  assert.equal(refused.headers['retry-after'], '1')
  assert.match(refused.text, /too-many-connections/)
  put(world.assigned, makeAssigned({ identity }))
  for (const answer of await Promise.all(held)) assert.equal(answer.status, 200)
  await world.waiting(0)
})

test('metadata other than tokens is asked of IMDS anew and passed back', async () => {
  await using world = await startNmi()
  bindShop(world)
  world.imds.answer = () =>
    Promise.resolve({
      status: 200,
      contentType: 'text/plain; charset=utf-8',
      body: Buffer.from('westeurope'),
    })
  const answer = await ask(
    world.url,
    '//METADATA/instance/compute/location/?api-version=2021-02-01&format=text&x=%2e%2e',
  )
  assert.equal(answer.status, 200)
  assert.equal(answer.text, 'westeurope')
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8')
  assert.deepEqual(world.imds.asked, [
    '/metadata/instance/compute/location?api-version=2021-02-01&format=text',
  ])
})

test('an IMDS that fails, hangs up or answers HTML becomes a JSON refusal that is retryable', async () => {
  await using world = await startNmi()
  const answers = [
    () => Promise.reject(new Error('connection reset')),
    () => Promise.resolve({ status: 200, contentType: 'text/html', body: Buffer.from('<html>') }),
    () => Promise.resolve({ status: 500, contentType: 'text/plain', body: Buffer.from('oops') }),
    () => Promise.resolve({ status: 101, contentType: 'application/json', body: Buffer.from('{}') }),
  ]
  for (const answer of answers) {
    world.imds.answer = answer
    const got = await ask(world.url, '/metadata/instance?api-version=2021-02-01')
    assert.equal(got.status, 503)
    assert.equal(got.json()['error'], 'temporarily_unavailable')
  }
})

test('a refusal of IMDS in JSON is passed back as it is', async () => {
  await using world = await startNmi()
  world.imds.answer = () =>
    Promise.resolve({
      status: 404,
      contentType: 'application/json',
      body: Buffer.from('{ "error": "Not found" }'),
    })
  assert.equal((await ask(world.url, '/metadata/instance/x')).status, 404)
})

test('blocked instance metadata is refused to pods and given to excepted ones', async () => {
  await using world = await startNmi({ blockInstanceMetadata: true })
  const { pod } = bindShop(world)
  const path = '/metadata/instance?api-version=2021-02-01'
  assert.equal((await ask(world.url, path)).status, 403)
  assert.equal((await ask(world.url, '/Metadata/Instance/compute')).status, 403)
  assert.equal((await ask(world.url, '/metadata/versions')).status, 200)
  put(world.pods, { ...pod, labels: { ...pod.labels, app: 'mic' } })
  put(world.exceptions, makeException())
  assert.equal((await ask(world.url, path)).status, 200)
  assert.deepEqual(world.imds.asked, ['/metadata/versions', '/metadata/instance?api-version=2021-02-01'])
})

test("an excepted pod gets the node's token, and that is counted and written down", async () => {
  const world = await startNmi()
  put(world.pods, makePod({ addresses: ['127.0.0.1'], labels: { app: 'mic' } }))
  put(world.exceptions, makeException())
  assert.equal((await ask(world.url, VAULT)).json()['access_token'], 'token-of-node')
  assert.match(await world.registry.metrics(), /podid_nmi_exceptions_total\{namespace="default"\} 1/)
  await world.nmi.stop()
  assert.equal(world.audit[0]?.['outcome'], 'granted')
  assert.equal(world.audit[0]?.['identity'], undefined)
})

test('the host door gives a node component the token of the pod that it names', async () => {
  await using world = await startNmi()
  const pod = makePod({ addresses: ['10.244.0.10'] })
  const identity = makeIdentity()
  put(world.pods, pod)
  put(world.identities, identity)
  put(world.bindings, makeBinding())
  put(world.assigned, makeAssigned({ identity }))
  const headers = { podns: 'default', podname: 'shop-0' }
  const answer = await ask(world.url, '/host/token/?resource=https://vault.azure.net', { headers })
  assert.equal(answer.status, 200)
  const body = answer.json()
  assert.equal(body['clientid'], clientIdOf('shop'))
  const token = body['token'] as Record<string, unknown>
  assert.equal(token['access_token'], tokenTextOf(identity))
  for (const name of ['expires_in', 'expires_on', 'not_before'])
    assert.match(String(token[name]), /^\d+$/, name)
})

test('the host door refuses what names no pod, no live pod, or an identity that is not its own', async () => {
  await using world = await startNmi({ hold: { ...nmiConfig().hold, callerMs: 1 } })
  put(world.pods, makePod({ name: 'done', phase: 'Succeeded' }))
  put(world.pods, makePod({ name: 'plain', selector: '' }))
  const answer = async (headers: Record<string, string>): Promise<[number, string]> => {
    const got = await ask(world.url, '/host/token?resource=r', { headers })
    return [got.status, String((got.json()['error_codes'] as string[])[0])]
  }
  assert.deepEqual(await answer({}), [400, 'host-headers-missing'])
  assert.deepEqual(await answer({ podns: 'default' }), [400, 'host-headers-missing'])
  assert.deepEqual(await answer({ podns: '../x', podname: 'a' }), [400, 'host-headers-missing'])
  assert.deepEqual(await answer({ podns: 'default', podname: 'done' }), [503, 'pod-unknown'])
  assert.deepEqual(await answer({ podns: 'default', podname: 'plain' }), [403, 'no-label'])
})

test('the host door opens to the node alone: a pod behind another address is turned away', async () => {
  await using world = await startNmi()
  const headers = { podns: 'default', podname: 'shop-0' }
  bindShop(world)
  const answer = await ask(world.url, '/host/token?resource=r', { headers, from: '127.0.0.2' })
  assert.equal(answer.status, 403)
  assert.match(answer.text, /request remote address is not from a host/)
})

test('a pod that is not known yet to the host door is waited for', async () => {
  await using world = await startNmi()
  const waiting = ask(world.url, '/host/token?resource=r', {
    headers: { podns: 'default', podname: 'shop-0' },
  })
  await world.waiting(1)
  bindShop(world)
  assert.equal((await waiting).status, 200)
})

test('a caller that the proof denies is refused with an answer that every SDK repeats, on a new connection', async () => {
  let verdict: Verdict = 'proven'
  const asked = new Set<string>()
  await using world = await startNmi({
    hold: {
      ...holdLimits({
        retryAttemptsForCreated: 0,
        retryAttemptsForAssigned: 0,
        findIdentityRetryIntervalSeconds: 1,
      }),
      callerMs: 10,
    },
    proof: {
      verify(pod, address) {
        asked.add(`${pod.name} ${address}`)
        return verdict
      },
    },
  })
  bindShop(world)
  assert.equal((await ask(world.url, VAULT)).status, 200)
  verdict = 'disproven'
  const second = await ask(world.url, VAULT)
  assert.equal(second.status, 503)
  assert.equal(second.headers['retry-after'], '2')
  assert.equal(second.headers.connection, 'close')
  assert.match(
    second.text,
    /does not show that pod default\/shop-0 has this address now.*caller-not-verified/,
  )
  assert.deepEqual([...asked], ['shop-0 127.0.0.1'])
  const metrics = await world.registry.metrics()
  assert.match(metrics, /podid_nmi_caller_proofs_total\{verdict="proven"\} 1/)
  assert.match(metrics, /podid_nmi_caller_proofs_total\{verdict="disproven"\} 1/)
})

test('metrics carry the old name and labels with bounded values', async () => {
  await using world = await startNmi()
  bindShop(world)
  await ask(world.url, `/${TOKEN}/?resource=https://vault.azure.net`)
  await ask(world.url, '/metadata/%00')
  const metrics = await world.registry.metrics()
  assert.match(
    metrics,
    /aadpodidentity_nmi_operations_duration_seconds_count\{operation_type="\/metadata\/identity\/oauth2\/token",status_code="200",namespace="default",resource="https:\/\/vault.azure.net"\} 1/,
  )
  assert.match(metrics, /operation_type="other",status_code="400",namespace="",resource=""/)
  assert.match(metrics, /podid_nmi_tokens_total\{cache="hit"\} 1/)
})

test('refused resources make no new label values, however many are tried', async () => {
  await using world = await startNmi()
  put(world.pods, makePod({ addresses: ['127.0.0.1'] }))
  for (let i = 0; i < 30; i += 1) await ask(world.url, `${TOKEN}?resource=https://hostile-${i}`)
  assert.doesNotMatch(await world.registry.metrics(), /hostile/)
})

test('a taken port is a clear refusal to start', async () => {
  await using world = await startNmi()
  await assert.rejects(
    startNmi({ port: world.nmi.port }),
    /cannot listen on 127\.0\.0\.1:\d+ for token requests \(--nmi-port\): another process holds the port/,
  )
})

test('a stopping agent answers held requests with a retryable refusal and lets running ones finish', async () => {
  const world = await startNmi()
  const { identity } = bindShop(world)
  put(world.identities, makeIdentity({ name: 'slow' }))
  put(world.bindings, makeBinding({ name: 'slow', azureIdentity: 'slow' }))
  world.broker.cached = false
  const gate = Promise.withResolvers<undefined>()
  world.broker.gate = () => gate.promise
  const running = ask(world.url, `${VAULT}&client_id=${identity.clientId}`)
  const held = ask(world.url, `${VAULT}&client_id=${clientIdOf('slow')}`)
  await world.waiting(2)
  const stopped = world.nmi.stop()
  const refused = await held
  assert.equal(refused.status, 503)
  assert.match(refused.text, /agent-not-ready/)
  gate.resolve(undefined)
  const granted = await running
  assert.equal(granted.status, 200)
  await stopped
  await assert.rejects(ask(world.url, VAULT), /ECONNREFUSED/)
})

test('a stop does not wait for ever: what does not finish in time is answered and closed', async () => {
  const world = await startNmi({ limits: { drainMs: 20 } })
  bindShop(world)
  world.broker.cached = false
  world.broker.gate = () => new Promise(() => {})
  const running = ask(world.url, VAULT)
  await world.waiting(1)
  await world.nmi.stop()
  const answer = await running
  assert.equal(answer.status, 503)
  assert.match(answer.text, /agent-not-ready/)
})

test('an agent that has stopped can be stopped again', async () => {
  const world = await startNmi()
  await world.nmi.stop()
  await world.nmi.stop()
})
