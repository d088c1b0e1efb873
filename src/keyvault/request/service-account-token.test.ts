import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serviceAccountTokens } from '../../../test/make/mount-messages.ts'
import { errorText } from '../../base/errors.ts'
import { SecretString } from '../../base/secret.ts'
import { MountFailure } from '../mount-failure.ts'
import { serviceAccountToken } from './service-account-token.ts'

const PUBLIC = 'api://AzureADTokenExchange'
const GOVERNMENT = 'api://AzureADTokenExchangeUSGov'

const read = (text: string | undefined, audiences: readonly string[] = [PUBLIC]): string =>
  serviceAccountToken(text === undefined ? undefined : new SecretString(text), audiences).reveal()

function fails(text: string | undefined, expected: RegExp, audiences?: readonly string[]): void {
  assert.throws(
    () => read(text, audiences),
    (thrown) => {
      assert.ok(thrown instanceof MountFailure, String(thrown))
      assert.equal(thrown.code, 'service-account-token-missing')
      assert.match(thrown.message, expected)
      assert.ok(!errorText(thrown).includes('eyJ'))
      return true
    },
  )
}

test('the token of the audience is found, whatever else there is', () => {
  const text = serviceAccountTokens({ 'api://AKSIdentityBinding': 'eyJ.b', [PUBLIC]: 'eyJ.a' })
  assert.equal(read(text), 'eyJ.a')
  assert.equal(read(text, ['api://AKSIdentityBinding']), 'eyJ.b')
  assert.equal(read(JSON.stringify({ other: 5, [PUBLIC]: { token: 'eyJ.a' } })), 'eyJ.a')
})

test('the first audience goes first, the next one serves when it has none', () => {
  const both = serviceAccountTokens({ [PUBLIC]: 'eyJ.public', [GOVERNMENT]: 'eyJ.gov' })
  assert.equal(read(both, [GOVERNMENT, PUBLIC]), 'eyJ.gov')
  assert.equal(read(serviceAccountTokens({ [PUBLIC]: 'eyJ.public' }), [GOVERNMENT, PUBLIC]), 'eyJ.public')
})

test('what is missing or broken is told in the old words, without the token', () => {
  const wrapped = 'failed to parse workload identity tokens, error: '
  fails(undefined, new RegExp(`^${wrapped}service account tokens not found$`))
  fails(' ', /service account tokens not found$/)
  fails('eyJhbGci', new RegExp(`^${wrapped}failed to unmarshal service account tokens, error: not JSON$`))
  fails('["eyJ"]', /failed to unmarshal service account tokens, error: not a JSON object$/)
  fails('"eyJ"', /failed to unmarshal service account tokens/)
  fails(JSON.stringify({ [PUBLIC]: 'eyJ.a' }), /failed to unmarshal service account tokens/)
  fails(JSON.stringify({ [PUBLIC]: { token: ['eyJ'] } }), /failed to unmarshal service account tokens/)
  fails('{}', /token for audience api:\/\/AzureADTokenExchange not found$/)
  fails(serviceAccountTokens({ [PUBLIC]: '' }), /token for audience api:\/\/AzureADTokenExchange not found$/)
  fails(serviceAccountTokens({ a: 'eyJ' }), /USGov or api:\/\/AzureADTokenExchange not found$/, [
    GOVERNMENT,
    PUBLIC,
  ])
  fails('{}', /token for audience __proto__ not found$/, ['__proto__'])
  fails(serviceAccountTokens({ [PUBLIC]: 'eyJ'.repeat(20_000) }), /longer than 32768 characters$/)
  fails(serviceAccountTokens({ [PUBLIC]: 'eyJ'.repeat(100_000) }), /longer than 262144 characters$/)
})
