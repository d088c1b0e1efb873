import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/fakes/fake-clock.ts'
import {
  CountingMetrics,
  ManualSource,
  makeRequest,
  makeToken,
  never,
} from '../../test/fakes/token-sources.ts'
import { makeIdentity } from '../../test/make/objects.ts'
import { measured } from './measured.ts'
import { type Principal, TokenError, type TokenErrorCode } from './token-source.ts'

function build() {
  const clock = new FakeClock()
  const inner = new ManualSource()
  const metrics = new CountingMetrics()
  return { clock, inner, metrics, source: measured(inner, metrics, clock) }
}

test('every exchange is counted under the upstream and the old operation of its principal', async () => {
  const principals: [Principal, string][] = [
    [{ kind: 'node' }, 'imds:adal_token_msi'],
    [{ kind: 'node', objectId: 'o' }, 'imds:adal_token_msi_userassignedid'],
    [{ kind: 'identity', identity: makeIdentity() }, 'imds:adal_token_msi_userassignedid'],
    [{ kind: 'identity', identity: makeIdentity({ type: 1 }) }, 'entra:adal_token'],
    [{ kind: 'identity', identity: makeIdentity({ type: 2 }) }, 'entra:adal_token'],
  ]
  for (const [principal, name] of principals) {
    const { clock, inner, metrics, source } = build()
    const asked = source.token(makeRequest({ principal }), never)
    inner.call(0).answer(makeToken(clock))
    await asked
    assert.equal(metrics.of(`upstream:${name}:ok`), 1, name)
  }
})

test('every way to fail has its own outcome, and a caller who left is no failure of upstream', async () => {
  const outcomes: [TokenErrorCode, string][] = [
    ['token-denied', 'denied'],
    ['identity-unknown-to-imds', 'identity_unknown'],
    ['upstream-throttled', 'throttled'],
    ['upstream-unavailable', 'unavailable'],
  ]
  for (const [code, outcome] of outcomes) {
    const { inner, metrics, source } = build()
    const asked = assert.rejects(source.token(makeRequest(), never))
    inner.call(0).fail(new TokenError(code, 'failed'))
    await asked
    assert.equal(metrics.of(`upstream:imds:adal_token_msi_userassignedid:${outcome}`), 1, code)
  }
  const { metrics, source } = build()
  const controller = new AbortController()
  const asked = assert.rejects(source.token(makeRequest(), controller.signal))
  controller.abort(new Error('left'))
  await asked
  assert.equal(metrics.of('upstream:imds:adal_token_msi_userassignedid:abandoned'), 1)
})
