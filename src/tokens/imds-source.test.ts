import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeRequest, makeToken, never, VAULT } from '../../test/fakes/token-sources.ts'
import { clientIdOf, makeIdentity } from '../../test/make/objects.ts'
import type { ImdsSelector } from '../azure/imds-client.ts'
import { UpstreamError } from '../azure/upstream-error.ts'
import { createImdsSource } from './imds-source.ts'
import { type AccessToken, type Principal, TokenError } from './token-source.ts'

interface Asked {
  readonly resource: string
  readonly selector?: ImdsSelector
}

function build(answer: (asked: Asked) => AccessToken = () => makeToken(new FakeClock())) {
  const asked: Asked[] = []
  const source = createImdsSource({
    async token(request) {
      asked.push(request)
      await Promise.resolve()
      return answer(request)
    },
  })
  return { asked, ask: (principal: Principal) => source.token(makeRequest({ principal }), never) }
}

const identity = makeIdentity()

test('an AzureIdentity is asked for by its client id, without one by its resource id', async () => {
  const { asked, ask } = build()
  await ask({ kind: 'identity', identity })
  await ask({ kind: 'identity', identity: { ...identity, clientId: ' ' } })
  assert.deepEqual(asked, [
    { resource: VAULT, selector: { name: 'client_id', value: identity.clientId } },
    { resource: VAULT, selector: { name: 'msi_res_id', value: identity.resourceId } },
  ])
})

test('an AzureIdentity without any id never becomes a request for the identity of the node', async () => {
  const { asked, ask } = build()
  await assert.rejects(
    ask({ kind: 'identity', identity: { ...identity, clientId: '', resourceId: ' ' } }),
    (thrown) => thrown instanceof TokenError && thrown.code === 'token-denied',
  )
  assert.deepEqual(asked, [])
})

test('the node is asked for with what the caller named, one selector at most', async () => {
  const { asked, ask } = build()
  await ask({ kind: 'node' })
  await ask({ kind: 'node', clientId: 'c' })
  await ask({ kind: 'node', resourceId: 'r' })
  await ask({ kind: 'node', objectId: 'o' })
  assert.deepEqual(
    asked.map(({ selector }) => selector),
    [
      undefined,
      { name: 'client_id', value: 'c' },
      { name: 'msi_res_id', value: 'r' },
      { name: 'object_id', value: 'o' },
    ],
  )
  await assert.rejects(ask({ kind: 'node', clientId: 'c', objectId: 'o' }), /more than one/)
  assert.equal(asked.length, 4)
})

test('a token of another identity than the one asked for is handed to nobody', async () => {
  const other = clientIdOf('other')
  const jwt = `h.${Buffer.from(JSON.stringify({ oid: other, appid: other })).toString('base64url')}.s`
  for (const fields of [{ clientId: other }, { text: jwt }]) {
    const { ask } = build(() => makeToken(new FakeClock(), fields))
    await assert.rejects(
      ask({ kind: 'identity', identity }),
      (thrown) => thrown instanceof TokenError && thrown.code === 'upstream-unavailable',
    )
  }
})

test('the client id of the token is what IMDS named, or what was asked for', async () => {
  const named = build(() => makeToken(new FakeClock(), { clientId: identity.clientId.toUpperCase() }))
  assert.equal((await named.ask({ kind: 'identity', identity })).clientId, identity.clientId.toUpperCase())
  const unnamed = build()
  assert.equal((await unnamed.ask({ kind: 'identity', identity })).clientId, identity.clientId)
})

test('failures of the wire become refusal codes and keep status, Retry-After and cause', async () => {
  const codes = {
    'identity-unknown': 'identity-unknown-to-imds',
    denied: 'token-denied',
    throttled: 'upstream-throttled',
    unavailable: 'upstream-unavailable',
  } as const
  for (const kind of ['identity-unknown', 'denied', 'throttled', 'unavailable'] as const) {
    const cause = new UpstreamError(kind, 'text', { status: 418, retryAfterSeconds: 3 })
    const { ask } = build(() => {
      throw cause
    })
    await assert.rejects(ask({ kind: 'identity', identity }), (thrown) => {
      assert.ok(thrown instanceof TokenError)
      assert.deepEqual([thrown.code, thrown.status, thrown.retryAfterSeconds], [codes[kind], 418, 3])
      return thrown.cause === cause
    })
  }
})
