import assert from 'node:assert/strict'
import { constants, createHash, createPrivateKey, verify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createEntraClient, type EntraCredential } from '../../src/azure/entra-client.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../src/azure/upstream-error.ts'
import { systemClock } from '../../src/base/clock.ts'
import { errorText } from '../../src/base/errors.ts'
import { SecretString } from '../../src/base/secret.ts'
import { type StubAnswer, type StubRequest, startStub } from '../harness/stub-server.ts'
import { makeCertificate } from '../make/certificates.ts'

const never = new AbortController().signal
const TENANT = '99999999-8888-7777-6666-555555555555'
const CLIENT = 'c0c0c0c0-0000-4000-8000-000000000001'

const secret: EntraCredential = { kind: 'secret', secret: new SecretString('s3cret&value=~') }

const leaf = makeCertificate()
const der = new X509Certificate(leaf.certificatePem).raw
const certificate: EntraCredential = {
  kind: 'certificate',
  certificate: {
    key: createPrivateKey(leaf.keyPem),
    thumbprint: createHash('sha256').update(der).digest('base64url'),
    chain: [der.toString('base64')],
    notAfter: Number.POSITIVE_INFINITY,
  },
}

async function start(answer: (request: StubRequest) => StubAnswer) {
  const stub = await startStub(answer, { tls: true })
  const entra = createEntraClient({ clock: systemClock, ca: stub.ca })
  return {
    stub,
    ask: (
      credential: EntraCredential,
      changed: { tenantId?: string; origin?: string; resource?: string } = {},
    ) =>
      entra.token(
        {
          origin: stub.origin,
          tenantId: TENANT,
          clientId: CLIENT,
          resource: 'https://vault.azure.net',
          credential,
          ...changed,
        },
        never,
      ),
    async [Symbol.asyncDispose]() {
      entra.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

const GRANTED = { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: 'abc' }

test('a client secret is sent as the v2 endpoint wants it', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  const token = await world.ask(secret)
  assert.equal(token.value.reveal(), 'abc')
  assert.equal(token.clientId, CLIENT)
  assert.equal(token.lifetimeSeconds, 3599)
  const [request] = world.stub.requests
  assert.equal(request?.method, 'POST')
  assert.equal(request.target, `/${TENANT}/oauth2/v2.0/token`)
  assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body)), {
    client_id: CLIENT,
    scope: 'https://vault.azure.net/.default',
    grant_type: 'client_credentials',
    client_secret: 's3cret&value=~',
  })
})

test('the slash of a resource is kept in the scope', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  await world.ask(secret, { resource: 'https://management.core.windows.net/' })
  const scope = new URLSearchParams(world.stub.requests[0]?.body).get('scope')
  assert.equal(scope, 'https://management.core.windows.net//.default')
})

test('a certificate signs an assertion with PS256 that names the certificate and the endpoint', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  await world.ask(certificate)
  await world.ask(certificate)
  const [form, second] = world.stub.requests.map(({ body }) => new URLSearchParams(body))
  assert.equal(form?.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  assert.equal(form.get('client_secret'), null)
  const [head = '', body = '', signature = ''] = (form.get('client_assertion') ?? '').split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as unknown
  assert.deepEqual(header, {
    alg: 'PS256',
    typ: 'JWT',
    'x5t#S256': createHash('sha256').update(der).digest('base64url'),
    x5c: [der.toString('base64')],
  })
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
  assert.equal(claims['aud'], `${world.stub.origin}/${TENANT}/oauth2/v2.0/token`)
  assert.deepEqual([claims['iss'], claims['sub']], [CLIENT, CLIENT])
  assert.equal(Number(claims['exp']) - Number(claims['iat']), 600)
  assert.ok(Number(claims['nbf']) <= Number(claims['iat']))
  const good = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    { key: leaf.certificatePem, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
    Buffer.from(signature, 'base64url'),
  )
  assert.ok(good)
  assert.notEqual(second?.get('client_assertion'), form.get('client_assertion'))
})

test('every error answer of Entra has one meaning and a stable text', async () => {
  const error = (code: number, text: string, oauth = 'invalid_client') => ({
    error: oauth,
    error_description: `AADSTS${code}: ${text} Trace ID: 1-2 Correlation ID: 3-4 Timestamp: 2026-01-01 00:00:00Z`,
    error_codes: [code],
    trace_id: '1-2',
    correlation_id: '3-4',
  })
  const cases: [StubAnswer, UpstreamErrorKind, string][] = [
    [
      {
        status: 401,
        body: error(7000215, "Invalid client secret provided. Ensure the secret is for app 'x'."),
      },
      'denied',
      'Entra refused the token: invalid_client: AADSTS7000215: Invalid client secret provided',
    ],
    [
      { status: 401, body: error(7000222, 'The provided client secret keys are expired.') },
      'denied',
      'Entra refused the token: invalid_client: AADSTS7000222: The provided client secret keys are expired',
    ],
    [
      { status: 400, body: error(90002, "Tenant 'x' not found. Check.", 'invalid_request') },
      'denied',
      "Entra refused the token: invalid_request: AADSTS90002: Tenant 'x' not found",
    ],
    [
      { status: 400, body: error(90033, 'A transient error has occurred. Please try again.', 'x') },
      'unavailable',
      'Entra answered 400: x: AADSTS90033: A transient error has occurred',
    ],
    [
      { status: 400, body: error(50196, 'The server terminated an operation. Loop.', 'invalid_grant') },
      'throttled',
      'Entra limits the requests (400): invalid_grant: AADSTS50196: The server terminated an operation',
    ],
    [
      { status: 429, body: error(90055, 'Too many.', 'x') },
      'throttled',
      'Entra limits the requests (429): x: AADSTS90055: Too many',
    ],
    [{ status: 503, body: '<html>' }, 'unavailable', 'Entra answered 503: with no error that can be read'],
    [{ status: 404, body: '<html>' }, 'unavailable', 'Entra answered 404: with no error that can be read'],
    [{ status: 302 }, 'unavailable', 'Entra answered 302: with no error that can be read'],
    [{ status: 200, body: '{}' }, 'unavailable', 'Entra answered 200 with something that is no token'],
  ]
  for (const [answer, kind, message] of cases) {
    await using world = await start(() => answer)
    await assert.rejects(world.ask(secret), (thrown) => {
      assert.ok(thrown instanceof UpstreamError)
      assert.deepEqual([thrown.kind, thrown.message, thrown.status], [kind, message, answer.status])
      return true
    })
  }
})

test('origin and tenant cannot lead anywhere else, and nothing is sent then', async () => {
  await using world = await start(() => ({ body: GRANTED }))
  for (const tenantId of ['', 'a/b', '..', 'x?y', 'a b', '%2e%2e', 'x\r\n', '-x', 'é'])
    await assert.rejects(world.ask(secret, { tenantId }), /tenant/, tenantId)
  for (const origin of [world.stub.origin.replace('https', 'http'), `${world.stub.origin}/x`, 'nonsense', ''])
    await assert.rejects(world.ask(secret, { origin }), /https origin/, origin)
  assert.equal(world.stub.requests.length, 0)
})

test('no secret and no assertion is in any error, whatever a server sends back', async () => {
  let reply: (request: StubRequest) => StubAnswer = () => ({})
  await using world = await start((request) => reply(request))
  const shapes: ((echo: string, whole: string) => string | object)[] = [
    (echo) => ({ error: 'x', error_description: echo }),
    (echo) => ({ error: echo, error_description: '' }),
    (echo) => ({ error: { code: echo, message: echo } }),
    (echo) => ({ error: 'x', error_description: `AADSTS7000215: ${echo} is wrong. Trace ID: ${echo}` }),
    (_, whole) => whole,
    (_, whole) => ({ error: 'x', error_description: whole }),
    (echo) => ({ access_token: echo }),
  ]
  const text = fc.string({ minLength: 10, maxLength: 40 }).map((tail) => `Q9z${tail}`)
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.constantFrom(200, 400, 401, 429, 503),
      fc.nat(shapes.length - 1),
      fc.boolean(),
      async (value, status, shape, withCertificate) => {
        let sent = value
        reply = ({ body }) => {
          sent = withCertificate ? (new URLSearchParams(body).get('client_assertion') ?? '') : value
          return { status, body: shapes[shape]?.(sent, body) ?? '' }
        }
        const credential: EntraCredential = withCertificate
          ? certificate
          : { kind: 'secret', secret: new SecretString(value) }
        const thrown: unknown = await world.ask(credential).catch((reason: unknown) => reason)
        assert.ok(thrown instanceof UpstreamError)
        const shown = `${errorText(thrown)} ${thrown.stack ?? ''} ${JSON.stringify(thrown)}`
        assert.ok(sent.length > 10)
        const formEncoded = new URLSearchParams({ s: sent }).toString().slice(2)
        for (const part of [
          sent,
          encodeURIComponent(sent),
          formEncoded,
          ...(withCertificate ? sent.split('.') : []),
        ])
          assert.ok(!shown.includes(part), shown)
      },
    ),
    { numRuns: 100 },
  )
})
