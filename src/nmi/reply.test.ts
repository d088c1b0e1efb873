import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refuse } from '../model/refusal.ts'
import { REFUSALS, type RefusalCode } from '../model/refusal-codes.ts'
import { rawReply, refusalBody, statusOf } from './reply.ts'

const CODES = Object.keys(REFUSALS) as RefusalCode[]
const NEW = { legacyStatusCodes: false, setRetryAfterHeader: false }

test('every refusal is a JSON object with the fields of IMDS and the request id where SDKs print it', () => {
  for (const code of CODES) {
    if (code === 'metadata-header-missing') continue
    const body = JSON.parse(refusalBody(refuse(code, 'pod a/b does this'), 'id-1')) as Record<string, unknown>
    assert.equal(body['error'], REFUSALS[code].imdsError)
    assert.equal(body['correlation_id'], 'id-1')
    assert.equal(body['error_description'], `pod a/b does this. ${REFUSALS[code].remedy} (podid: ${code})`)
  }
})

test('a missing metadata header gets the literal body of IMDS', () => {
  assert.equal(
    refusalBody(refuse('metadata-header-missing', 'x'), 'id'),
    '{"error":"invalid_request","error_description":"Required metadata header not specified"}',
  )
})

test('the word that makes SDKs believe there is no IMDS never gets out', () => {
  for (const word of ['unreachable', 'Unreachable', 'UNREACHABLE']) {
    assert.doesNotMatch(refusalBody(refuse('token-denied', `host ${word}`), 'id'), /unreachable/i)
  }
})

test('a hostile text is bounded and stays one JSON string', () => {
  const body = refusalBody(refuse('no-binding', `"\n\u0000${'x'.repeat(100_000)}`), 'id')
  assert.ok(body.length < 3_000)
  assert.equal(typeof (JSON.parse(body) as Record<string, unknown>)['error_description'], 'string')
})

test('the old status codes come back by a flag, and 404 becomes 503 with the old retry flag', () => {
  const legacy = { legacyStatusCodes: true, setRetryAfterHeader: false }
  for (const code of CODES) {
    const refusal = refuse(code, 'x')
    assert.equal(statusOf(refusal, NEW), REFUSALS[code].status)
    assert.equal(statusOf(refusal, legacy), REFUSALS[code].legacyStatus)
  }
  const both = { legacyStatusCodes: true, setRetryAfterHeader: true }
  assert.equal(statusOf(refuse('not-assigned-yet', 'x'), both), 503)
  assert.equal(statusOf(refuse('token-denied', 'x'), both), 403)
})

test('an answer to unreadable HTTP is whole: status line with the standard reason, length, JSON, close', () => {
  const text = rawReply(400, refuse('request-invalid', 'the request is not valid HTTP'), 'id')
  const [head = '', body = ''] = text.split('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.match(head, /Connection: close/)
  assert.match(
    head,
    new RegExp(`Content-Length: ${Buffer.byteLength(body)}$|Content-Length: ${Buffer.byteLength(body)}\r`),
  )
  assert.equal((JSON.parse(body) as Record<string, unknown>)['error'], 'invalid_request')
})
