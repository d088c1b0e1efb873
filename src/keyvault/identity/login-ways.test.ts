import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../../test/fakes/fake-clock.ts'
import { makeAssertion, makeIssued, secretLogin, vmLogin, workloadLogin } from '../../../test/make/logins.ts'
import { clientIdOf, TENANT } from '../../../test/make/objects.ts'
import type { EntraRequest } from '../../azure/entra-client.ts'
import type { ImdsSelector } from '../../azure/imds-client.ts'
import type { IssuedToken } from '../../azure/token-answer.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../azure/upstream-error.ts'
import { MountFailure } from '../mount-failure.ts'
import { loginByServicePrincipal } from './service-principal.ts'
import { loginByVmIdentity } from './vm-identity.ts'
import { loginByWorkloadIdentity } from './workload-identity.ts'

const never = new AbortController().signal
const CLIENT = clientIdOf('shop')

function entra(answer: IssuedToken | UpstreamError) {
  const requests: EntraRequest[] = []
  return {
    requests,
    token(request: EntraRequest): Promise<IssuedToken> {
      requests.push(request)
      return answer instanceof UpstreamError ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }
}

const failure = (code: MountFailure['code'], message: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof MountFailure, String(thrown))
  assert.deepEqual([thrown.code, thrown.message], [code, message])
  return true
}

test('workload identity changes the assertion for a token of the client, at the authority of the cloud', async () => {
  const assertion = makeAssertion()
  const fake = entra(makeIssued())
  const got = await loginByWorkloadIdentity(fake, workloadLogin({ assertion }), never)
  assert.deepEqual(fake.requests, [
    {
      origin: 'https://login.microsoftonline.com',
      tenantId: TENANT,
      clientId: CLIENT,
      resource: 'https://vault.azure.net',
      credential: { kind: 'assertion', assertion },
    },
  ])
  assert.equal(got.authority, 'https://login.microsoftonline.com')
})

test('a federation that does not match is told with what the federated credential must hold', async () => {
  const refusal = new UpstreamError('denied', 'Entra refused the token: AADSTS700213: No match', {
    aadsts: 700213,
  })
  await assert.rejects(
    loginByWorkloadIdentity(entra(refusal), workloadLogin(), never),
    failure(
      'identity-refused',
      `workload identity with client id ${CLIENT} in tenant ${TENANT}: Entra refused the token: AADSTS700213: No match` +
        '; its federated credential must have issuer https://issuer.example/, subject system:serviceaccount:shop:web' +
        ' and audience api://AzureADTokenExchange',
    ),
  )
})

test('other refusals of Entra name client and tenant; what passes is told as such, without addresses', async () => {
  const cases: [UpstreamErrorKind, string, MountFailure['code'], string][] = [
    ['denied', 'AADSTS700016: no such application', 'identity-refused', 'AADSTS700016: no such application'],
    ['throttled', 'Entra limits', 'identity-unavailable', 'Entra limits'],
    [
      'unavailable',
      'Entra (login.example) did not answer: connect ECONNREFUSED 20.190.1.1:443',
      'identity-unavailable',
      'Entra (login.example) did not answer: connect ECONNREFUSED',
    ],
    [
      'unavailable',
      'Entra (login.example:8443) did not answer: connect ETIMEDOUT 2603:1006:2000::9:443',
      'identity-unavailable',
      'Entra (login.example:8443) did not answer: connect ETIMEDOUT',
    ],
  ]
  for (const [kind, text, code, told] of cases) {
    const fake = entra(new UpstreamError(kind, text))
    const ids = `with client id ${CLIENT} in tenant ${TENANT}`
    await assert.rejects(
      loginByWorkloadIdentity(fake, workloadLogin(), never),
      failure(code, `workload identity ${ids}: ${told}`),
    )
    await assert.rejects(
      loginByServicePrincipal(fake, secretLogin(), never),
      failure(code, `service principal ${ids}: ${told}`),
    )
    assert.equal(fake.requests[1]?.credential.kind, 'secret')
  }
})

/** IMDS with these answers, one after another; the last one stays. */
function imds(...answers: (IssuedToken | UpstreamError)[]) {
  const selectors: (ImdsSelector | undefined)[] = []
  return {
    selectors,
    token({ selector }: { selector?: ImdsSelector }): Promise<IssuedToken> {
      const answer = answers[Math.min(selectors.length, answers.length - 1)]
      selectors.push(selector)
      return answer instanceof UpstreamError
        ? Promise.reject(answer)
        : Promise.resolve(answer ?? makeIssued())
    },
  }
}

test('the identity of the node is the one of the client id, or the system-assigned one', async () => {
  const fake = imds(makeIssued())
  const clock = new FakeClock()
  await loginByVmIdentity({ imds: fake, clock }, vmLogin(CLIENT), never)
  await loginByVmIdentity({ imds: fake, clock }, vmLogin(), never)
  await loginByVmIdentity({ imds: fake, clock }, vmLogin(''), never)
  assert.deepEqual(fake.selectors, [{ name: 'client_id', value: CLIENT }, undefined, undefined])
})

test('what passes at IMDS is tried again, not before it says, and for ten seconds at most', async () => {
  const fault = new UpstreamError('unavailable', 'IMDS answered 500: x', { status: 500 })
  const limit = new UpstreamError('throttled', 'IMDS limits this node (429): x', { retryAfterSeconds: 3 })
  const clock = new FakeClock()
  const passing = imds(fault, limit, makeIssued({ text: 'late' }))
  const token = loginByVmIdentity({ imds: passing, clock }, vmLogin(), never)
  await clock.advance(2_000)
  assert.equal(passing.selectors.length, 2)
  await clock.advance(900)
  assert.equal(passing.selectors.length, 2)
  await clock.advance(3_000)
  assert.equal((await token).issued.value.reveal(), 'late')

  const staying = imds(fault)
  const refused = assert.rejects(
    loginByVmIdentity({ imds: staying, clock }, vmLogin(CLIENT), never),
    failure(
      'identity-unavailable',
      `managed identity of the node with client id ${CLIENT}: IMDS answered 500: x`,
    ),
  )
  await clock.advance(10_000)
  await refused
  assert.ok(staying.selectors.length >= 3 && staying.selectors.length <= 7)
  assert.equal(clock.timers, 0)
})

test('a refusal of IMDS is final, and an identity that is not on the node is told how to get there', async () => {
  const clock = new FakeClock()
  const unknown = imds(new UpstreamError('identity-unknown', 'IMDS of this node does not know the identity'))
  await assert.rejects(
    loginByVmIdentity({ imds: unknown, clock }, vmLogin(CLIENT), never),
    failure(
      'identity-refused',
      `managed identity of the node with client id ${CLIENT}: IMDS of this node does not know the identity` +
        '; assign it to the VM or scale set of the node, or mend userAssignedIdentityID',
    ),
  )
  assert.equal(unknown.selectors.length, 1)
  const several = imds(
    new UpstreamError('denied', 'IMDS refused the token: Multiple user assigned identities exist'),
  )
  await assert.rejects(
    loginByVmIdentity({ imds: several, clock }, vmLogin(), never),
    failure(
      'identity-refused',
      'managed identity of the node: IMDS refused the token: Multiple user assigned identities exist',
    ),
  )
  assert.equal(several.selectors.length, 1)
})

test('a mount that ends ends the tries', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const fake = imds(new UpstreamError('unavailable', 'x'))
  const ended = assert.rejects(
    loginByVmIdentity({ imds: fake, clock }, vmLogin(), stop.signal),
    /mount ended/,
  )
  await clock.advance(500)
  stop.abort(new Error('mount ended'))
  await ended
  assert.equal(clock.timers, 0)
})
