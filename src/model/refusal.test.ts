import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTransient, refusalSpec, refusalText, refuse } from './refusal.ts'
import { REFUSALS, type RefusalCode } from './refusal-codes.ts'

const codes = Object.keys(REFUSALS) as RefusalCode[]

test('transient causes get a status that every SDK retries, permanent ones a status that none does', () => {
  for (const code of codes) {
    const { status } = refusalSpec(code)
    if (isTransient(refuse(code, 'x'))) assert.ok(status === 503 || status === 429, code)
    else assert.ok([400, 403, 404, 405, 500].includes(status), code)
  }
})

test('404 is for unknown paths alone: SDKs retry it for minutes', () => {
  assert.deepEqual(
    codes.filter((code) => refusalSpec(code).status === 404),
    ['path-unknown'],
  )
})

test('event reasons are CamelCase and each stands once', () => {
  const reasons = codes.map((code) => refusalSpec(code).eventReason)
  assert.equal(new Set(reasons).size, reasons.length)
  for (const reason of reasons) assert.match(reason, /^[A-Z][A-Za-z]+$/)
})

test('people read the message and what to do about it', () => {
  assert.equal(
    refusalText(refuse('no-label', 'pod a/b has no label aadpodidbinding')),
    'pod a/b has no label aadpodidbinding. Label the pod (in its template) with aadpodidbinding=<selector of an AzureIdentityBinding>',
  )
})

test('no text holds the word that SDKs take for a host without IMDS', () => {
  for (const code of codes) assert.doesNotMatch(JSON.stringify(refusalSpec(code)), /unreachable/i)
})
