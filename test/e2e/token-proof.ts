/** Judgement of what a pod got: not only that it is a token, but whose. */
import assert from 'node:assert/strict'
import type { Answer } from './app-pod.ts'
import type { Identity } from './place.ts'

/** @throws AssertionError unless it is a token of exactly this identity, in the answer and in the token's own claims. */
export function assertTokenOf(answer: Answer | undefined, { name, id, clientId }: Identity): void {
  const shown = JSON.stringify({ ...answer, body: hidden(answer?.body) })
  assert.equal(answer?.status, 200, `no token of ${name}: ${shown}`)
  const { client_id: told, access_token: token } = answer.body as { client_id: string; access_token: string }
  assert.equal(told, clientId, `another identity than ${name}: ${shown}`)
  const claims = claimsOf(token)
  assert.equal(claims.appid, clientId)
  assert.equal(claims.xms_mirid?.toLowerCase(), id.toLowerCase())
}

/** @throws AssertionError unless it is a refusal for this reason (docs/errors.md). */
export function assertRefused(answer: Answer | undefined, code: string): void {
  const shown = JSON.stringify({ ...answer, body: hidden(answer?.body) })
  assert.notEqual(answer?.status, 200, `a token in place of ${code}: ${shown}`)
  assert.match(shown, new RegExp(`podid: ${code}\\b`))
}

/** Client id of the identity whose token it is; undefined when it is none. */
export function ownerOf({ status, body }: Answer): string | undefined {
  return status === 200 ? claimsOf((body as { access_token: string }).access_token).appid : undefined
}

interface Claims {
  readonly appid?: string
  readonly xms_mirid?: string
}

function claimsOf(token: string): Claims {
  const payload = token.split('.')[1] ?? ''
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims
}

function hidden(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'access_token' in body
    ? { ...body, access_token: '...' }
    : body
}
