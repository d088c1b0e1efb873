import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nmiConfig } from '../../src/nmi/config.ts'
import { TokenError } from '../../src/tokens/token-source.ts'
import { tokenTextOf } from '../fakes/fake-broker.ts'
import { ask } from '../harness/http.ts'
import { bindShop, type NmiOptions, type NmiWorld, put, remove, startNmi } from '../harness/nmi-world.ts'
import {
  clientIdOf,
  makeAssigned,
  makeBinding,
  makeException,
  makeIdentity,
  makePod,
} from '../make/objects.ts'

const TOKEN = '/metadata/identity/oauth2/token'
const VAULT = `${TOKEN}?resource=https://vault.azure.net`
/** Nothing is held: these are the answers after the hold. */
const SHORT = { ...nmiConfig().hold, assignmentMs: 1, callerMs: 1 }

interface Cause {
  readonly what: string
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly from?: string
  readonly prepare: (world: NmiWorld) => void
  readonly status: number
  readonly old: number
  /** `Retry-After` now; with both old flags it is 20 where the old status is 404. */
  readonly retryAfter?: string
}

const CAUSES: readonly Cause[] = [
  { what: 'no header', headers: {}, prepare: bindShop, status: 400, old: 400 },
  { what: 'no resource', path: TOKEN, prepare: bindShop, status: 400, old: 400 },
  {
    what: 'lookalike path',
    path: '/metadata/identity/oauth2/tokens',
    prepare: bindShop,
    status: 400,
    old: 400,
  },
  {
    what: 'no pod',
    prepare: () => {},
    status: 503,
    old: 500,
    retryAfter: '2',
  },
  {
    what: 'two pods',
    prepare: (world) => {
      bindShop(world)
      put(world.pods, makePod({ name: 'twin', addresses: ['127.0.0.1'] }))
    },
    status: 503,
    old: 500,
    retryAfter: '2',
  },
  {
    what: 'no label',
    prepare: (world) => put(world.pods, makePod({ selector: '', addresses: ['127.0.0.1'] })),
    status: 403,
    old: 404,
  },
  {
    what: 'no binding',
    prepare: (world) => put(world.pods, makePod({ addresses: ['127.0.0.1'] })),
    status: 403,
    old: 404,
  },
  {
    what: 'another identity',
    path: `${VAULT}&client_id=${clientIdOf('other')}`,
    prepare: bindShop,
    status: 403,
    old: 404,
  },
  {
    what: 'not assigned',
    prepare: (world) => {
      const { identity } = bindShop(world)
      put(world.assigned, makeAssigned({ identity, state: 'Created' }))
    },
    status: 503,
    old: 404,
    retryAfter: '5',
  },
  {
    what: 'refused by Entra',
    prepare: (world) => {
      bindShop(world)
      world.broker.fail = () => new TokenError('token-denied', 'AADSTS70011')
    },
    status: 403,
    old: 403,
  },
  {
    what: 'IMDS is down',
    prepare: (world) => {
      bindShop(world)
      world.broker.fail = () => new TokenError('upstream-unavailable', 'no answer')
    },
    status: 503,
    old: 503,
    retryAfter: '2',
  },
  {
    what: 'host door without names',
    path: '/host/token?resource=r',
    prepare: bindShop,
    status: 400,
    old: 400,
  },
  {
    what: 'host door from a pod',
    path: '/host/token?resource=r',
    headers: { podns: 'default', podname: 'shop-0' },
    from: '127.0.0.2',
    prepare: bindShop,
    status: 403,
    old: 500,
  },
]

/** Status and Retry-After of one cause. */
async function answerTo(cause: Cause, options: NmiOptions): Promise<[number, string | undefined]> {
  await using world = await startNmi({ hold: SHORT, ...options })
  cause.prepare(world)
  const { path = VAULT, headers, from } = cause
  const answer = await ask(world.url, path, {
    ...(headers === undefined ? {} : { headers }),
    ...(from === undefined ? {} : { from }),
  })
  assert.equal(typeof answer.json()['error'], 'string', cause.what)
  return [answer.status, answer.headers['retry-after']]
}

test('each cause has its status, and with the old codes the one of AAD Pod Identity', async () => {
  for (const cause of CAUSES) {
    assert.equal((await answerTo(cause, {}))[0], cause.status, cause.what)
    assert.equal((await answerTo(cause, { legacyStatusCodes: true }))[0], cause.old, cause.what)
  }
})

test('Retry-After comes with each cause that passes, and as 20 seconds with both old flags', async () => {
  for (const cause of CAUSES) {
    assert.equal((await answerTo(cause, {}))[1], cause.retryAfter, cause.what)
    if (cause.old !== 404) continue
    const both = await answerTo(cause, { legacyStatusCodes: true, setRetryAfterHeader: true })
    assert.deepEqual(both, [503, '20'], cause.what)
  }
})

test('an address with no pod or with two gets 503 and a time to retry, and 500 with the old codes', async () => {
  for (const cause of CAUSES.filter(({ what }) => what === 'no pod' || what === 'two pods')) {
    assert.deepEqual(await answerTo(cause, {}), [503, '2'], cause.what)
    assert.equal((await answerTo(cause, { legacyStatusCodes: true }))[0], 500, cause.what)
  }
})

test("an excepted pod gets the node's system-assigned identity, or the one it names", async () => {
  await using world = await startNmi()
  put(world.pods, makePod({ addresses: ['127.0.0.1'], labels: { app: 'mic' } }))
  put(world.exceptions, makeException())
  world.broker.cached = false
  assert.equal((await ask(world.url, VAULT)).status, 200)
  assert.equal((await ask(world.url, `${VAULT}&client_id=${clientIdOf('other')}`)).status, 200)
  assert.deepEqual(
    world.broker.requests.map(({ principal }) => principal),
    [{ kind: 'node' }, { kind: 'node', clientId: clientIdOf('other') }],
  )
})

test('with auxiliary tenants a pod gets an array, the primary tenant first, and the host door one object', async () => {
  await using world = await startNmi()
  bindShop(world)
  const identity = makeIdentity({ type: 1, tenantId: 'home', auxiliaryTenantIds: ['one', 'two'] })
  put(world.identities, identity)
  put(world.assigned, makeAssigned({ identity }))
  const list = (await ask(world.url, VAULT)).json() as unknown as Record<string, string>[]
  const text = tokenTextOf(identity)
  assert.deepEqual(
    list.map((token) => token['access_token']),
    [text, `${text}-one`, `${text}-two`],
  )
  const headers = { podns: 'default', podname: 'shop-0' }
  const host = (await ask(world.url, '/host/token?resource=r', { headers })).json()
  const token = host['token'] as Record<string, string>
  assert.equal(token['access_token'], text)
  for (const name of ['expires_in', 'expires_on', 'not_before']) assert.match(token[name] ?? '', /^\d+$/)
})

test('managed mode keeps to namespaces without being told to', async () => {
  await using world = await startNmi({ mode: 'managed' })
  put(world.pods, makePod({ addresses: ['127.0.0.1'] }))
  const elsewhere = { namespace: 'elsewhere' }
  put(world.identities, makeIdentity(elsewhere))
  put(world.bindings, makeBinding(elsewhere))
  assert.deepEqual((await ask(world.url, VAULT)).json()['error_codes'], ['namespace-mismatch'])
  remove(world.bindings, makeBinding(elsewhere))
  put(world.identities, makeIdentity())
  put(world.bindings, makeBinding())
  assert.equal((await ask(world.url, VAULT)).status, 200)
})
