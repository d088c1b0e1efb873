import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  AnsweringSource,
  ManualSource,
  makeRequest,
  makeToken,
  never,
} from '../../test/fakes/token-sources.ts'
import { makeIdentity } from '../../test/make/objects.ts'
import { createHoldOff } from './hold-off.ts'
import { TokenError, type TokenSource } from './token-source.ts'

const reference = { namespace: 'default', name: 'sp' }
const identity = makeIdentity({ type: 1, clientPassword: reference })
const request = makeRequest({ principal: { kind: 'identity', identity } })
const denied = new TokenError('token-denied', 'AADSTS7000215')

function build(inner: TokenSource) {
  const clock = new FakeClock()
  return { clock, holdOff: createHoldOff(inner, { clock, holdOffMs: 10_000, maxEntries: 3 }) }
}

function deniedSource() {
  return new AnsweringSource(() => {
    throw denied
  })
}

test('a permanent refusal is repeated for some seconds without asking again', async () => {
  const inner = deniedSource()
  const { clock, holdOff } = build(inner)
  for (let n = 0; n < 5; n += 1)
    await assert.rejects(holdOff.token(request, never), (thrown) => thrown === denied)
  assert.equal(inner.calls, 1)
  await clock.advance(10_000)
  await assert.rejects(holdOff.token(request, never))
  assert.equal(inner.calls, 2)
})

test('failures that pass are not repeated', async () => {
  for (const code of ['upstream-unavailable', 'upstream-throttled', 'identity-unknown-to-imds'] as const) {
    const inner = new AnsweringSource(() => {
      throw new TokenError(code, 'failed')
    })
    const { holdOff } = build(inner)
    await assert.rejects(holdOff.token(request, never))
    await assert.rejects(holdOff.token(request, never))
    assert.equal(inner.calls, 2, code)
  }
})

test('a changed Secret clears its refusals at once, and only its own', async () => {
  const inner = deniedSource()
  const { clock, holdOff } = build(inner)
  const other = makeRequest({
    principal: {
      kind: 'identity',
      identity: { ...identity, clientPassword: { namespace: 'default', name: 'x' } },
    },
  })
  await assert.rejects(holdOff.token(request, never))
  await assert.rejects(holdOff.token(other, never))
  holdOff.secretChanged(reference)
  inner.answer = () => makeToken(clock)
  await holdOff.token(request, never)
  await assert.rejects(holdOff.token(other, never))
  assert.equal(inner.calls, 3)
})

test('a changed AzureIdentity is asked for at once', async () => {
  const inner = deniedSource()
  const { holdOff } = build(inner)
  await assert.rejects(holdOff.token(request, never))
  const mended = { ...identity, clientId: 'another', resourceVersion: '2' }
  await assert.rejects(
    holdOff.token(makeRequest({ principal: { kind: 'identity', identity: mended } }), never),
  )
  assert.equal(inner.calls, 2)
})

test('a refusal earned with a Secret that changed meanwhile is tried anew, once', async () => {
  const inner = new ManualSource()
  const { clock, holdOff } = build(inner)
  const asked = holdOff.token(request, never)
  holdOff.secretChanged(reference)
  inner.call(0).fail(denied)
  await clock.advance(0)
  const token = makeToken(clock)
  inner.call(1).answer(token)
  assert.equal(await asked, token)

  const second = assert.rejects(holdOff.token(request, never))
  for (const call of [2, 3]) {
    holdOff.secretChanged(reference)
    inner.call(call).fail(denied)
    await clock.advance(0)
  }
  await second
  assert.equal(inner.calls.length, 4)
})

test('what is remembered is bounded', async () => {
  const inner = deniedSource()
  const { holdOff } = build(inner)
  const ask = (n: number) => assert.rejects(holdOff.token({ ...request, resource: `r${n}` }, never))
  for (let n = 0; n < 4; n += 1) await ask(n)
  await ask(3)
  assert.equal(inner.calls, 4)
  await ask(0)
  assert.equal(inner.calls, 5)
})
