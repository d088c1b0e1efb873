import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTransient, parseErrorBody, stableText } from './error-body.ts'

function parsed(body: unknown) {
  const error = parseErrorBody(Buffer.from(JSON.stringify(body)))
  assert.ok(error !== undefined)
  return error
}

const entraBody = (trace: string, time: string) => ({
  error: 'invalid_client',
  error_description:
    `AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client ` +
    `secret value. Trace ID: ${trace} Correlation ID: ${trace} Timestamp: ${time}`,
  error_codes: [7000215],
  trace_id: trace,
})

test('the shown text of an Entra error has code and first sentence, and no trace id or time', () => {
  const first = stableText(parsed(entraBody('0a0a0a0a-1111-2222-3333-444444444444', '2026-01-01 00:00:00Z')))
  const second = stableText(parsed(entraBody('ffffffff-1111-2222-3333-444444444444', '2026-05-05 11:22:33Z')))
  assert.equal(first, 'invalid_client: AADSTS7000215: Invalid client secret provided')
  assert.equal(first, second)
})

test('a text whose only sentence is followed by a trace id ends before it', () => {
  for (const separator of [' ', '\r\n']) {
    const text = ['AADSTS90002: Tenant x not found', 'Trace ID: 1', 'Timestamp: 2026'].join(separator)
    assert.equal(
      stableText(parsed({ error: 'invalid_request', error_description: text })),
      'invalid_request: AADSTS90002: Tenant x not found',
    )
  }
})

test('dots inside names and addresses do not end a sentence', () => {
  const text = 'AADSTS500011: The resource principal named https://shop.example was not found. Ask the owner.'
  assert.equal(
    stableText(parsed({ error: 'invalid_resource', error_description: text })),
    'invalid_resource: AADSTS500011: The resource principal named https://shop.example was not found',
  )
})

test('errors in the form of an object and errors without text are shown too', () => {
  assert.equal(stableText(parsed({ error: { code: 'BadRequest', message: 'No.' } })), 'BadRequest: No')
  assert.equal(stableText(parsed({ error: 'Not Found' })), 'Not Found')
  assert.equal(stableText(parsed({ error: '' })), 'no reason given')
})

test('bodies that are no error object are none', () => {
  for (const text of ['', '<html>', '[]', '{}', '{"error":5}', '{"error":"x"', 'null'])
    assert.equal(parseErrorBody(Buffer.from(text)), undefined, text)
})

test('Entra errors that pass by themselves are told from the others', () => {
  assert.ok(isTransient(parsed({ error: 'temporarily_unavailable', error_description: 'x' })))
  assert.ok(
    isTransient(parsed({ error: 'server_error', error_description: 'AADSTS90033: A transient error.' })),
  )
  assert.ok(isTransient(parsed({ error: 'x', error_codes: [50196] })))
  for (const code of [50166, 501661, 90061]) {
    const text = `AADSTS${code}: Request to External OIDC endpoint failed.`
    assert.ok(isTransient(parsed({ error: 'invalid_request', error_description: text })), text)
  }
  assert.ok(!isTransient(parsed({ error: 'invalid_client', error_description: 'AADSTS7000222: expired.' })))
})

test('whatever a server sends back, no given secret and nothing shaped like a token is shown', () => {
  const secret = fc.string({ minLength: 8, maxLength: 40 }).map((text) => `S3${text}`)
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
      const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJ4In0.c2lnbmF0dXJl'
      for (const error of [
        { error: 'x', error_description: `${before}${hidden}${after}` },
        { error: `${before}${hidden}`, error_description: '' },
        { error: { code: `c${hidden}`, message: `${before} ${jwt} ${hidden}` } },
      ]) {
        const text = stableText(parsed(error), [hidden])
        assert.ok(!text.includes(hidden), text)
        assert.ok(!text.includes('eyJhbGciOiJSUzI1NiJ9'), text)
        assert.doesNotMatch(text, /\p{Cc}/u)
        assert.ok(text.length <= 300)
      }
    }),
  )
})
