import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientResult } from './client-facts.ts'
import { readFacts } from './client-facts.ts'
import { AUDIENCE, type Expectation, problemsOf } from './client-judge.ts'

const CLAIMS = { appid: 'me', aud: AUDIENCE, exp: 2_000 }
const TOKEN: ClientResult = {
  kind: 'token',
  ok: true,
  startedMs: 1_000_000,
  ms: 10,
  token: 't',
  expiresOn: 2_000,
}
const FAILED: ClientResult = { kind: 'token', ok: false, startedMs: 1, ms: 1, type: 'E', error: 'no-binding' }

async function judge(results: readonly ClientResult[], expected: Partial<Expectation>, claims = CLAIMS) {
  const facts = { versions: {}, results }
  return problemsOf(facts, { results: results.length, clientId: 'me', ...expected }, (token) =>
    token === 'forged' ? Promise.reject(new Error('signature')) : Promise.resolve(claims),
  )
}

test('tokens of the right identity and the right secret are no problem', async () => {
  const secret: ClientResult = { kind: 'secret', ok: true, startedMs: 1, ms: 1, value: 'v' }
  assert.deepEqual(await judge([TOKEN, secret], { secret: 'v' }), [])
  assert.match(String(await judge([secret], { secret: 'other' })), /secret is another one/)
})

test('a token of another identity, for another resource, past its end, forged or with a wrong expiry is a problem', async () => {
  assert.match(String(await judge([TOKEN], { clientId: 'you' })), /is of me instead of you/)
  assert.match(String(await judge([TOKEN], {}, { ...CLAIMS, aud: 'x' })), /is for x/)
  assert.match(String(await judge([{ ...TOKEN, startedMs: 2_000_000 }], {})), /had expired/)
  assert.match(String(await judge([{ ...TOKEN, token: 'forged' }], {})), /not one of this Azure/)
  assert.match(String(await judge([{ ...TOKEN, expiresOn: 2_100 }], {})), /another expiry/)
  assert.match(String(await judge([{ ...TOKEN, expiresOn: 1_900 }], {})), /another expiry/)
  assert.deepEqual(await judge([{ ...TOKEN, expiresOn: 1_930, ms: 75_000 }], {}), [])
})

test('a failed call, a missing one, tokens that never change and a case that was not late are problems', async () => {
  assert.match(String(await judge([TOKEN], { waitsMs: 11 })), /took 10 ms: nothing was late/)
  assert.match(String(await judge([FAILED], {})), /no token after 1 ms: E: no-binding/)
  assert.match(String(await judge([TOKEN], { results: 2 })), /1 results instead of 2/)
  assert.match(String(await judge([TOKEN, TOKEN], { differentTokens: 2 })), /1 different tokens/)
})

test('where a refusal is expected only errors that say why are right', async () => {
  assert.deepEqual(await judge([FAILED], { refusal: /no-binding/ }), [])
  assert.match(String(await judge([FAILED], { refusal: /no-label/ })), /does not say why/)
  assert.match(String(await judge([TOKEN], { refusal: /no-binding/ })), /had to be refused/)
})

test('the lines of a program are read from its beginning to its end, and nothing else is taken for them', () => {
  const start = '{"kind":"start","client":"go","versions":{"go":"1"}}'
  const end = '{"kind":"end"}'
  assert.deepEqual(readFacts(`${start}\n${JSON.stringify(TOKEN)}\n${end}\n`), {
    versions: { go: '1' },
    results: [TOKEN],
  })
  assert.throws(() => readFacts(`${start}\n`), /did not come to its end/)
  assert.throws(() => readFacts(end), /did not begin/)
  assert.throws(() => readFacts(`${start}\nTraceback\n${end}`), /said what no client says: Traceback/)
})
