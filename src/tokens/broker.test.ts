import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { CountingMetrics, makeRequest, makeToken, never } from '../../test/fakes/token-sources.ts'
import { clientIdOf, makeIdentity, TENANT } from '../../test/make/objects.ts'
import type { EntraRequest } from '../azure/entra-client.ts'
import type { ImdsSelector } from '../azure/imds-client.ts'
import { UpstreamError } from '../azure/upstream-error.ts'
import { sleep } from '../base/deadline.ts'
import type { AzureIdentity, Secret, SecretReference } from '../model/resources.ts'
import type { Fields, Log } from '../telemetry/log.ts'
import { createTokenBroker } from './broker.ts'
import { type AccessToken, TokenError } from './token-source.ts'

const reference = { namespace: 'default', name: 'sp' }

const servicePrincipal = makeIdentity({
  name: 'sp',
  type: 1,
  resourceId: '',
  tenantId: TENANT,
  clientPassword: reference,
})

/** An IMDS, an Entra that knows one right secret, Secrets that a test rotates, and a log. */
function build() {
  const clock = new FakeClock()
  const metrics = new CountingMetrics()
  const lines: Fields[] = []
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (fields) => lines.push(fields),
    error: (fields) => lines.push(fields),
    with: () => log,
  }
  const world = {
    imdsCalls: 0,
    imds: (() => makeToken(clock)) as (asked: { resource: string; selector?: ImdsSelector }) => AccessToken,
    rightSecret: 'right',
    secretText: 'right',
    /** The API server does not answer for Secrets of this name. */
    unreadable: '',
    entraCalls: 0,
    /** The token of Entra, or of whoever is asked in its place. */
    entraToken: undefined as string | undefined,
  }
  const listeners = new Set<(changed: SecretReference) => void>()
  const broker = createTokenBroker({
    clock,
    log,
    metrics,
    imds: {
      async token(request, signal) {
        world.imdsCalls += 1
        await Promise.resolve()
        signal.throwIfAborted()
        return world.imds(request)
      },
    },
    entra: {
      async token({ credential }: EntraRequest) {
        world.entraCalls += 1
        await Promise.resolve()
        if (credential.kind === 'secret' && credential.secret.reveal() === world.rightSecret)
          return makeToken(clock, world.entraToken === undefined ? {} : { text: world.entraToken })
        throw new UpstreamError('denied', 'Entra refused the token: AADSTS7000215', { status: 401 })
      },
    },
    secrets: {
      secret({ name }, signal): Promise<Secret> {
        if (name === world.unreadable) return sleep(clock, 60_000, signal).then(() => assert.fail())
        const data = { value: Buffer.from(world.secretText) }
        return Promise.resolve({ ...reference, uid: 'u', resourceVersion: '1', data })
      },
      subscribe(listener) {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
    rules: { loginOrigin: 'https://login.microsoftonline.com', forceNamespaced: false },
  })
  const rotate = (text: string): void => {
    world.secretText = text
    for (const listener of listeners) listener(reference)
  }
  return { clock, metrics, lines, world, broker, rotate, listeners }
}

const asServicePrincipal = makeRequest({ principal: { kind: 'identity', identity: servicePrincipal } })

test('a hundred pods that want one token cost one request, then nothing', async () => {
  const { broker, world, metrics } = build()
  const requests = Array.from({ length: 100 }, (_, n) => makeRequest({ caller: `pod-${n}` }))
  assert.equal(broker.peek(makeRequest()), undefined)
  const tokens = await Promise.all(requests.map((request) => broker.token(request, never)))
  assert.equal(new Set(tokens).size, 1)
  assert.equal(broker.peek(makeRequest()), tokens[0])
  assert.equal(world.imdsCalls, 1)
  assert.equal(metrics.of('cache:joined'), 99)
  assert.equal(metrics.of('upstream:imds:adal_token_msi_userassignedid:ok'), 1)
  await broker.stop()
})

test('three hundred different tokens are fetched below the limits of IMDS, and every pod gets its own', async () => {
  const { broker, clock, world } = build()
  const starts: number[] = []
  world.imds = ({ selector }) => {
    starts.push(clock.monotonic())
    return makeToken(clock, { clientId: selector?.value ?? '' })
  }
  const asked = Array.from({ length: 300 }, async (_, n) => {
    const identity = makeIdentity({ name: `id-${n}`, clientId: `client-${n}` })
    const request = makeRequest({ caller: `pod-${n % 40}`, principal: { kind: 'identity', identity } })
    assert.equal((await broker.token(request, never)).clientId, `client-${n}`)
  })
  await clock.advance(60_000)
  await Promise.all(asked)
  for (const [index, start] of starts.entries()) {
    const later = starts[index + 18]
    if (later !== undefined) assert.ok(later - start >= 1_000)
  }
  await broker.stop()
  assert.equal(clock.timers, 0)
})

test('a rotated Secret is used at once, also while the refusal of the old one is held', async () => {
  const { broker, world, rotate, listeners } = build()
  await broker.start()
  world.secretText = 'old'
  for (let n = 0; n < 3; n += 1)
    await assert.rejects(
      broker.token(asServicePrincipal, never),
      (thrown) => thrown instanceof TokenError && thrown.code === 'token-denied',
    )
  assert.equal(world.entraCalls, 1)
  rotate('right')
  await broker.token(asServicePrincipal, never)
  assert.equal(world.entraCalls, 2)
  await broker.stop()
  assert.equal(listeners.size, 0)
})

test('an API server that does not answer holds no turn at Entra and is none of its failures', async () => {
  const { broker, clock, world, metrics } = build()
  world.unreadable = 'gone'
  // More than Entra is asked at once, for one pod and in total.
  const waiting = Array.from({ length: 12 }, async (_, n) => {
    const identity = {
      ...servicePrincipal,
      name: `${n}`,
      clientId: `${n}`,
      clientPassword: { ...reference, name: 'gone' },
    }
    const request = makeRequest({ principal: { kind: 'identity', identity }, caller: `pod-${n % 2}` })
    await assert.rejects(broker.token(request, never))
  })
  await clock.advance(100)
  await broker.token({ ...asServicePrincipal, caller: 'pod-0' }, never)
  assert.equal(metrics.of('upstream:entra:adal_token:ok'), 1)
  await clock.advance(60_000)
  await Promise.all(waiting)
  assert.deepEqual(
    [...metrics.counts.keys()].filter((name) => name.startsWith('upstream:')),
    ['upstream:entra:adal_token:ok'],
  )
  await broker.stop()
})

test('a token of the old Secret lives on when the Secret changes', async () => {
  const { broker, rotate } = build()
  await broker.start()
  const token = await broker.token(asServicePrincipal, never)
  rotate('wrong')
  assert.equal(broker.peek(asServicePrincipal), token)
  await broker.stop()
})

test('a short outage of IMDS is waited out, and each try is counted', async () => {
  const { broker, clock, world, metrics } = build()
  world.imds = () => {
    if (world.imdsCalls < 3) throw new UpstreamError('unavailable', 'IMDS answered 503', { status: 503 })
    return makeToken(clock)
  }
  const asked = broker.token(makeRequest(), never)
  await clock.advance(15_000)
  await asked
  assert.equal(metrics.of('upstream:imds:adal_token_msi_userassignedid:unavailable'), 2)
  assert.equal(metrics.of('retried:imds'), 2)
  await broker.stop()
})

test('when IMDS throttles, nobody asks it before its Retry-After is over', async () => {
  const { broker, clock, world } = build()
  const times: number[] = []
  world.imds = () => {
    times.push(clock.monotonic())
    if (times.length === 1)
      throw new UpstreamError('throttled', 'IMDS limits', { status: 429, retryAfterSeconds: 7 })
    return makeToken(clock)
  }
  const first = broker.token(makeRequest(), never)
  await clock.advance(1_000)
  const second = broker.token(makeRequest({ identity: 'other', caller: 'pod-b' }), never)
  await clock.advance(20_000)
  await Promise.all([first, second])
  assert.equal(times.length, 3)
  assert.ok((times[1] ?? 0) >= 7_000, times.join(' '))
  await broker.stop()
})

test('an identity that IMDS does not know yet is asked for again by the next request', async () => {
  const { broker, clock, world } = build()
  world.imds = () => {
    throw new UpstreamError('identity-unknown', 'IMDS does not know it', { status: 400 })
  }
  await assert.rejects(
    broker.token(makeRequest(), never),
    (thrown) => thrown instanceof TokenError && thrown.code === 'identity-unknown-to-imds',
  )
  world.imds = () => makeToken(clock)
  await broker.token(makeRequest(), never)
  await broker.stop()
})

/** A token that says of itself what an issuer writes into it. */
function saying(appid: string, oid: string): string {
  return `h.${Buffer.from(JSON.stringify({ oid, appid })).toString('base64url')}.s`
}

const SHOP_OID = 'dddddddd-0000-4000-8000-000000000001'
const FORGED_OID = 'dddddddd-0000-4000-8000-000000000666'

test('the object id of an identity is learnt from its tokens', async () => {
  const { broker, clock, world } = build()
  const clientId = clientIdOf('shop')
  assert.equal(broker.objectIdOf(clientId), undefined)
  world.imds = () => makeToken(clock, { text: saying(clientId, SHOP_OID) })
  await broker.token(makeRequest(), never)
  assert.equal(broker.objectIdOf(clientId.toUpperCase()), SHOP_OID)
  await broker.stop()
})

test('an authority that only an AzureIdentity names tells nothing of object ids', async () => {
  const { broker, clock, world } = build()
  const { clientId } = servicePrincipal
  const ask = (fields: Partial<AzureIdentity>, tenantId?: string) => {
    const identity = { ...servicePrincipal, ...fields }
    const request = makeRequest({ principal: { kind: 'identity', identity } })
    return broker.token(tenantId === undefined ? request : { ...request, tenantId }, never)
  }
  world.entraToken = saying(clientId, FORGED_OID)
  await ask({ adEndpoint: 'https://login.evil.example/' })
  assert.equal(broker.objectIdOf(clientId), undefined)
  // It has another object id in another tenant.
  await ask({ auxiliaryTenantIds: ['aux'] }, 'aux')
  assert.equal(broker.objectIdOf(clientId), undefined)
  // A token of somebody else, by the right authority: of neither is anything learnt.
  world.imds = () => makeToken(clock, { text: saying(clientId, FORGED_OID) })
  await broker.token(makeRequest({ principal: { kind: 'node' } }), never)
  assert.equal(broker.objectIdOf(clientId), undefined)
  world.entraToken = saying(clientId.toUpperCase(), SHOP_OID)
  await ask({ adEndpoint: 'https://login.microsoftonline.com/' })
  assert.equal(broker.objectIdOf(clientId), SHOP_OID)
  world.entraToken = saying(clientId, FORGED_OID)
  await ask({ adEndpoint: 'https://login.evil.example/', tenantId: 'another' })
  await ask({ clientId: clientIdOf('other') })
  assert.equal(broker.objectIdOf(clientId), SHOP_OID)
  assert.equal(broker.objectIdOf(clientIdOf('other')), undefined)
  await broker.stop()
})

test('a failed renewal is logged once, with a shortened client id and without a token', async () => {
  const { broker, clock, world, lines } = build()
  const token = await broker.token(makeRequest(), never)
  world.imds = () => {
    throw new UpstreamError('unavailable', 'IMDS answered 503', { status: 503 })
  }
  await clock.advance(14 * 3_600_000)
  assert.equal(lines.length, 1)
  const text = JSON.stringify(lines)
  assert.match(text, /default\/shop/)
  assert.ok(!text.includes(clientIdOf('shop')))
  assert.ok(!text.includes(token.value.reveal()))
  await broker.stop()
})

test('a stopped broker leaves no timer, no queue and no open request', async () => {
  const { broker, clock, world } = build()
  world.imds = () => {
    throw new UpstreamError('unavailable', 'IMDS answered 503', { status: 503 })
  }
  await broker.start()
  const asked = assert.rejects(broker.token(makeRequest(), never), /podid stops/)
  await clock.advance(100)
  await broker.stop()
  await asked
  await clock.advance(0)
  assert.equal(clock.timers, 0)
  assert.equal(broker.size, 0)
})

test('when its last pod ends, a token leaves the broker', async () => {
  const { broker, clock } = build()
  await broker.token(makeRequest({ caller: 'a' }), never)
  assert.equal(broker.size, 1)
  broker.podGone('a')
  assert.equal(broker.size, 0)
  assert.equal(clock.timers, 0)
  await broker.stop()
})
