import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import { makeRequest, makeToken, never, VAULT } from '../../test/fakes/token-sources.ts'
import { makeCertificate, makePkcs12 } from '../../test/make/certificates.ts'
import { makeIdentity, TENANT } from '../../test/make/objects.ts'
import type { EntraRequest } from '../azure/entra-client.ts'
import type { AzureIdentity, Secret } from '../model/resources.ts'
import { createCertificateSource } from './certificate-source.ts'
import { createEntraSource } from './entra-source.ts'
import type { SecretReader } from './secret-reader.ts'
import { createSecretSource } from './secret-source.ts'
import { TokenError, type TokenErrorCode } from './token-source.ts'

const rules = { loginOrigin: 'https://login.microsoftonline.com', forceNamespaced: false }

const identity = makeIdentity({
  type: 1,
  resourceId: '',
  tenantId: TENANT,
  clientPassword: { namespace: 'default', name: 'sp' },
})

function secretOf(data: Record<string, string | Uint8Array>, resourceVersion = '1'): Secret {
  const values = Object.entries(data).map(([key, value]) => [
    key,
    typeof value === 'string' ? Buffer.from(value) : value,
  ])
  return {
    namespace: 'default',
    name: 'sp',
    uid: 'u',
    resourceVersion,
    data: Object.fromEntries(values) as Secret['data'],
  }
}

function build(initial: Secret | undefined, given: Partial<typeof rules> = {}) {
  const clock = new FakeClock()
  const asked: EntraRequest[] = []
  let secret = initial
  const entra = {
    async token(request: EntraRequest) {
      asked.push(request)
      await Promise.resolve()
      return makeToken(clock)
    },
  }
  const secrets: SecretReader = { secret: () => Promise.resolve(secret), subscribe: () => () => {} }
  const all = { ...rules, ...given }
  const exchange = createEntraSource(entra)
  const bySecret = createSecretSource(exchange, secrets, all)
  const byCertificate = createCertificateSource({ exchange, secrets, rules: all, clock })
  const request = (changed: Partial<AzureIdentity>, tenantId?: string) => {
    const base = makeRequest({ principal: { kind: 'identity', identity: { ...identity, ...changed } } })
    return tenantId === undefined ? base : { ...base, tenantId }
  }
  return {
    clock,
    asked,
    change: (next: Secret | undefined) => {
      secret = next
    },
    ask: (changed: Partial<AzureIdentity> = {}, tenantId?: string) =>
      bySecret.token(request(changed, tenantId), never),
    askCertificate: (changed: Partial<AzureIdentity> = {}) =>
      byCertificate.token(request({ type: 2, ...changed }), never),
    sentSecret: (call: number) => {
      const credential = asked[call]?.credential
      return credential?.kind === 'secret' ? credential.secret.reveal() : undefined
    },
  }
}

function refused(code: TokenErrorCode, message: RegExp) {
  return (thrown: unknown): boolean => {
    assert.ok(thrown instanceof TokenError, String(thrown))
    assert.equal(thrown.code, code)
    assert.match(thrown.message, message)
    return true
  }
}

test('a service principal asks its tenant with the first value of its Secret, read anew each time', async () => {
  const { ask, asked, change, sentSecret } = build(secretOf({ zeta: 'last', alpha: 'first\n' }))
  await ask()
  const { credential: _, ...target } = asked[0] ?? {}
  assert.deepEqual(target, {
    origin: 'https://login.microsoftonline.com',
    tenantId: TENANT,
    clientId: identity.clientId,
    resource: VAULT,
  })
  assert.equal(sentSecret(0), 'first')
  change(secretOf({ alpha: 'rotated' }, '2'))
  await ask()
  assert.equal(sentSecret(1), 'rotated')
})

test('another tenant is asked only if the AzureIdentity lists it', async () => {
  const { ask, asked } = build(secretOf({ a: 'x' }))
  await ask({ auxiliaryTenantIds: ['Aux'] }, 'aux')
  assert.equal(asked[0]?.tenantId, 'aux')
  await assert.rejects(ask({}, 'foreign'), refused('token-denied', /not listed/))
  await assert.rejects(ask({ tenantId: '' }), refused('token-denied', /no tenantID/))
  await assert.rejects(ask({ clientId: '' }), refused('token-denied', /no clientID/))
  assert.equal(asked.length, 1)
})

test('a Secret that is missing, empty or not named is told apart', async () => {
  const { ask, change } = build(undefined)
  await assert.rejects(ask(), refused('secret-unusable', /Secret default\/sp does not exist/))
  change(secretOf({}))
  await assert.rejects(ask(), refused('secret-unusable', /Secret default\/sp is empty/))
  change(secretOf({ a: '\n' }))
  await assert.rejects(ask(), refused('secret-unusable', /is empty/))
  const { clientPassword: __, ...unnamed } = identity
  const source = createSecretSource(
    { token: () => Promise.reject(new Error('not reached')) },
    { secret: () => Promise.resolve(undefined), subscribe: () => () => {} },
    rules,
  )
  await assert.rejects(
    source.token(makeRequest({ principal: { kind: 'identity', identity: unnamed } }), never),
    refused('secret-unusable', /names no Secret/),
  )
})

test('an API server that does not answer is a passing failure', async () => {
  const source = createSecretSource(
    { token: () => Promise.reject(new Error('not reached')) },
    { secret: () => Promise.reject(new Error('connection refused')), subscribe: () => () => {} },
    rules,
  )
  await assert.rejects(
    source.token(makeRequest({ principal: { kind: 'identity', identity } }), never),
    refused('upstream-unavailable', /Secret default\/sp cannot be read: connection refused/),
  )
})

test('an adEndpoint is used when it is a plain https address', async () => {
  const { ask, asked } = build(secretOf({ a: 'x' }))
  await ask({ adEndpoint: 'https://login.lab.example/' })
  assert.equal(asked[0]?.origin, 'https://login.lab.example')
  for (const adEndpoint of ['http://login.lab.example/', 'https://login.lab.example/x', 'login.lab.example'])
    await assert.rejects(ask({ adEndpoint }), refused('token-denied', /adEndpoint/))
})

test('a Secret of another namespace is not sent to an address that only the AzureIdentity names', async () => {
  const { ask, asked } = build(secretOf({ a: 'x' }))
  const elsewhere = { namespace: 'elsewhere' }
  await ask(elsewhere)
  await ask({ ...elsewhere, adEndpoint: 'https://login.microsoftonline.us/' })
  await assert.rejects(
    ask({ ...elsewhere, adEndpoint: 'https://login.lab.example/' }),
    refused('secret-unusable', /another namespace/),
  )
  await assert.rejects(ask({ ...elsewhere, namespaced: true }), refused('secret-unusable', /namespaced/))
  assert.equal(asked.length, 2)
  const forced = build(secretOf({ a: 'x' }), { forceNamespaced: true })
  await assert.rejects(forced.ask(elsewhere), refused('secret-unusable', /namespaced/))
  await forced.ask()
})

const leaf = makeCertificate({ notAfter: new Date('2026-02-01T00:00:00Z') })

test('a certificate is opened once for each version of its Secret', async () => {
  const certificate = makePkcs12({ key: leaf, certificates: [leaf] }, 'pw')
  const { askCertificate, asked, change } = build(secretOf({ certificate, password: 'pw\n' }))
  await askCertificate()
  await askCertificate()
  change(secretOf({ certificate, password: 'pw' }, '2'))
  await askCertificate()
  const used = asked.map(({ credential }) =>
    credential.kind === 'certificate' ? credential.certificate : undefined,
  )
  assert.ok(used[0] !== undefined)
  assert.equal(used[1], used[0])
  assert.notEqual(used[2], used[0])
})

test('a certificate that cannot be used is refused with the reason, and a mended one works at once', async () => {
  const certificate = makePkcs12({ key: leaf, certificates: [leaf] }, 'pw')
  const { askCertificate, change, clock } = build(secretOf({ password: 'pw' }))
  await assert.rejects(askCertificate(), refused('secret-unusable', /no key "certificate"/))
  change(secretOf({ certificate, password: 'other' }, '2'))
  await assert.rejects(
    askCertificate(),
    refused('secret-unusable', /default\/sp does not open: the password/),
  )
  change(secretOf({ certificate, password: 'pw' }, '3'))
  await askCertificate()
  clock.jumpWallClock(60 * 24 * 3_600_000)
  await assert.rejects(askCertificate(), refused('secret-unusable', /expired on 2026-02-01/))
})

test('the node is no service principal', async () => {
  const { clock } = build(undefined)
  const exchange = { token: () => Promise.reject(new Error('not reached')) }
  const secrets: SecretReader = { secret: () => Promise.resolve(undefined), subscribe: () => () => {} }
  const node = makeRequest({ principal: { kind: 'node' } })
  for (const source of [
    createSecretSource(exchange, secrets, rules),
    createCertificateSource({ exchange, secrets, rules, clock }),
  ])
    await assert.rejects(source.token(node, never), refused('token-denied', /no service principal/))
})
