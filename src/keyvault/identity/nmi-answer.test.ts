import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeJwt } from '../../../test/make/logins.ts'
import { REFUSALS } from '../../model/refusal-codes.ts'
import { MountFailure, mountFailureText } from '../mount-failure.ts'
import { nmiFailure, readNmiToken } from './nmi-answer.ts'

const NOW = Date.UTC(2026, 0, 1)
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const token = {
  access_token: 'abc',
  expires_in: '3600',
  expires_on: String(NOW / 1_000 + 3_600),
  not_before: '0',
}

test('numbers may be strings, as AAD Pod Identity sends them, or numbers', () => {
  const old = readNmiToken(json({ token: { ...token, refresh_token: '' }, clientid: 'id' }), NOW)
  assert.equal(old.issued.value.reveal(), 'abc')
  assert.equal(old.issued.expiresOn, NOW / 1_000 + 3_600)
  assert.deepEqual([old.clientId, old.authority], ['id', ''])
  const numbers = { access_token: 'abc', expires_in: 3_600, expires_on: NOW / 1_000 + 3_600, not_before: 0 }
  const mine = readNmiToken(json({ token: numbers, clientid: 'id', authority: 'imds' }), NOW)
  assert.equal(mine.issued.expiresOn, old.issued.expiresOn)
  assert.equal(mine.authority, 'imds')
})

test('an answer without a token is told in the old words', () => {
  for (const body of [
    json({}),
    json({ token: {}, clientid: 'id' }),
    json({ token: { ...token, access_token: '' }, clientid: 'id' }),
    json({ token: { ...token, access_token: 'a\r\nb' }, clientid: 'id' }),
    json({ token: { access_token: 'abc' }, clientid: 'id' }),
    json({ token: 'abc' }),
    Buffer.from('<html>'),
    Buffer.alloc(0),
  ])
    assert.throws(
      () => readNmiToken(body, NOW),
      /^MountFailure: nmi did not return expected values in response: token and clientid$/,
    )
})

test("podid's refusals are told in its own words, and pass exactly when their cause does", () => {
  for (const [code, spec] of Object.entries(REFUSALS)) {
    const description = `pod shop/web-0 is told so. ${spec.remedy} (podid: ${code})`
    const body = {
      error: spec.imdsError,
      error_description: description,
      error_codes: [code],
      correlation_id: '1-1',
    }
    for (const status of [spec.status, spec.legacyStatus]) {
      const failure = nmiFailure(status, json(body))
      assert.equal(
        failure.message,
        `nmi response failed with status code: ${status}, response body: ${description}`,
      )
      const passes = 'retryAfterSeconds' in spec || code === 'internal-error'
      assert.equal(failure.code, passes ? 'identity-unavailable' : 'identity-refused', code)
    }
  }
})

test('the answers of AAD Pod Identity are told in their words; only a missing assignment or a fault passes', () => {
  const missing = 'no AzureAssignedIdentity found for pod:shop/web-0 in assigned state'
  const cases: [number, string, string][] = [
    [404, missing, 'identity-unavailable'],
    [403, 'failed to get service principal token', 'identity-refused'],
    [400, "missing 'podname' and 'podns' from request header", 'identity-refused'],
    [500, 'request remote address is not from a host', 'identity-refused'],
    [500, 'failed to marshal', 'identity-unavailable'],
    [503, 'IMDS is not healthy', 'identity-unavailable'],
    [429, '', 'identity-unavailable'],
  ]
  for (const [status, text, code] of cases) {
    const failure = nmiFailure(status, Buffer.from(`${text}\n`))
    assert.equal(failure.code, code)
    assert.equal(
      failure.message,
      `nmi response failed with status code: ${status}, response body: ${text || 'no reason given'}`,
    )
  }
  assert.match(
    mountFailureText(nmiFailure(404, Buffer.from(missing))),
    /assigned state\. Wait; kubelet tries again/,
  )
})

test('what Entra said to the old NMI is the same text each time', () => {
  const text = (id: string, time: string) =>
    nmiFailure(
      403,
      Buffer.from(
        `adal: Refresh request failed. Status Code = '401'. Response body: {"error":"invalid_client",` +
          `"error_description":"AADSTS7000215: Invalid client secret.\\r\\nTrace ID: ${id}\\r\\nCorrelation ID: ${id}` +
          `\\r\\nTimestamp: ${time}","error_codes":[7000215],"timestamp":"${time}","trace_id":"${id}",` +
          `"correlation_id":"${id}","error_uri":"https://login.microsoftonline.com/error?code=7000215"}`,
      ),
    ).message
  const first = text('0a0a0a0a-1111-2222-3333-444444444444', '2026-01-01 00:00:00Z')
  assert.equal(text('ffffffff-1111-2222-3333-444444444444', '2026-05-05 11:22:33Z'), first)
  assert.match(first, /AADSTS7000215: Invalid client secret/)
})

test('no body makes the reader throw anything else, and no token of one is in a text', () => {
  const secret = makeJwt({ oid: 'x' })
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(400, 403, 404, 500), fc.boolean(), (around, status, asJson) => {
      const text = `${around} ${secret} ${around}`
      const body = asJson ? json({ error: 'x', error_description: text }) : Buffer.from(text)
      const { message } = nmiFailure(status, body)
      for (const part of secret.split('.')) assert.ok(!message.includes(part), message)
      assert.doesNotMatch(message, /[\r\n]/)
      try {
        readNmiToken(body, NOW)
      } catch (thrown) {
        assert.ok(thrown instanceof MountFailure)
      }
    }),
  )
})
