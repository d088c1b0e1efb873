import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type StubAnswer, startStub } from '../../test/harness/stub-server.ts'
import { systemClock } from '../base/clock.ts'
import { errorText } from '../base/errors.ts'
import { SecretString } from '../base/secret.ts'
import { createEntraClient } from './entra-client.ts'
import { UpstreamError } from './upstream-error.ts'

const never = new AbortController().signal
const TENANT = '99999999-8888-7777-6666-555555555555'
const CLIENT = 'c0c0c0c0-0000-4000-8000-000000000001'
const ASSERTION = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from('{"sub":"system:serviceaccount:shop:web"}').toString('base64url')}.c2ln`
const SUBJECT = "'system:serviceaccount:shop:web'"

async function start(answer: StubAnswer) {
  const stub = await startStub(() => answer, { tls: true })
  const entra = createEntraClient({ clock: systemClock, ca: stub.ca })
  return {
    stub,
    ask: (tenantId = TENANT) =>
      entra.token(
        {
          origin: stub.origin,
          tenantId,
          clientId: CLIENT,
          resource: 'https://vault.azure.net',
          credential: { kind: 'assertion', assertion: new SecretString(ASSERTION) },
        },
        never,
      ),
    async [Symbol.asyncDispose]() {
      entra.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

test('a federated assertion is sent as it is, with nothing of the client besides', async () => {
  await using world = await start({ body: { token_type: 'Bearer', expires_in: 3599, access_token: 'abc' } })
  const token = await world.ask()
  assert.equal(token.value.reveal(), 'abc')
  assert.equal(token.clientId, CLIENT)
  const [request] = world.stub.requests
  assert.equal(request?.target, `/${TENANT}/oauth2/v2.0/token`)
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
    client_id: CLIENT,
    scope: 'https://vault.azure.net/.default',
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: ASSERTION,
  })
})

test('each refusal of a federation has its number and a text without trace id, time or assertion', async () => {
  const cases: [number, number, string, string, string][] = [
    [
      401,
      70021,
      'invalid_client',
      `No matching federated identity record found for presented assertion. Assertion Issuer: 'https://x'.`,
      'No matching federated identity record found for presented assertion',
    ],
    [
      401,
      700211,
      'invalid_client',
      `No matching federated identity record found for presented assertion issuer 'https://x.example/'. Please check.`,
      `No matching federated identity record found for presented assertion issuer 'https://x.example/'`,
    ],
    [
      401,
      700213,
      'invalid_client',
      `No matching federated identity record found for presented assertion subject ${SUBJECT}. Please check.`,
      `No matching federated identity record found for presented assertion subject ${SUBJECT}`,
    ],
    [
      401,
      700024,
      'invalid_client',
      'Client assertion is not within its valid time range. Current time: 2026-01-01T00:00:00.0000000Z.',
      'Client assertion is not within its valid time range',
    ],
    [
      400,
      700016,
      'unauthorized_client',
      `Application with identifier '${CLIENT}' was not found in the directory 'Shop'. This can happen.`,
      `Application with identifier '${CLIENT}' was not found in the directory 'Shop'`,
    ],
    [400, 90002, 'invalid_request', `Tenant '${TENANT}' not found. Check.`, `Tenant '${TENANT}' not found`],
    [
      401,
      50013,
      'invalid_client',
      `Assertion failed signature validation of ${ASSERTION}. [Reason - The key was not found.]`,
      'Assertion failed signature validation of [token]',
    ],
  ]
  for (const [status, code, error, text, shown] of cases) {
    await using world = await start({
      status,
      body: {
        error,
        error_description: `AADSTS${code}: ${text} Trace ID: 1-2 Correlation ID: 3-4 Timestamp: 2026-01-01 00:00:00Z`,
        error_codes: [code],
      },
    })
    await assert.rejects(world.ask(), (thrown) => {
      assert.ok(thrown instanceof UpstreamError)
      assert.equal(thrown.message, `Entra refused the token: ${error}: AADSTS${code}: ${shown}`)
      assert.deepEqual([thrown.kind, thrown.status, thrown.aadsts], ['denied', status, code])
      assert.ok(!`${errorText(thrown)}${thrown.stack ?? ''}`.includes(ASSERTION))
      return true
    })
  }
})

test('AD FS is refused before anything is sent', async () => {
  await using world = await start({ body: {} })
  for (const tenant of ['adfs', 'ADFS'])
    await assert.rejects(world.ask(tenant), /^UpstreamError: the tenant adfs \(AD FS\) is not supported/)
  assert.equal(world.stub.requests.length, 0)
})
