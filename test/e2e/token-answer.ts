/** What an answer of the metadata endpoint must be: a token of one identity and no other, or a refusal. */
import assert from 'node:assert/strict'
import type { Answer } from './app-pod.ts'

const RESOURCE = 'https://vault.azure.net'

export interface TokenBody {
  readonly access_token: string
  readonly client_id: string
  readonly expires_on: string
  readonly resource: string
  readonly token_type: string
}

/**
 * A token for that client id, by the answer's own words and by the claims of the token: a cached or mixed up
 * one would show there.
 * @returns the claims
 */
export function assertToken(
  answer: Answer | undefined,
  clientId: string,
  resource = RESOURCE,
): Readonly<Record<string, unknown>> {
  assert.ok(answer, 'the pod has printed no answer')
  assert.equal(answer.status, 200, JSON.stringify(answer))
  const body = answer.body as TokenBody
  const claims = claimsOf(body.access_token)
  assert.deepEqual(
    { answered: body.client_id, issuedTo: claims['appid'], resource: body.resource, kind: body.token_type },
    { answered: clientId, issuedTo: clientId, resource, kind: 'Bearer' },
  )
  assert.ok(Number(body.expires_on) * 1000 > Date.parse(answer.at), 'the token has expired already')
  return claims
}

/** A refusal with this status for this reason, and with words for people. */
export function assertRefused(answer: Answer, status: number, code: string): void {
  const body = answer.body as { error_codes?: readonly string[]; error_description?: string } | undefined
  const seen = { status: answer.status, code: body?.error_codes?.[0] }
  assert.deepEqual(seen, { status, code }, JSON.stringify(answer))
  assert.ok((body?.error_description ?? '').includes(`(podid: ${code})`), JSON.stringify(answer))
}

/** Claims of a token; its signature is Azure's business. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  const [, payload = ''] = token.split('.')
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Readonly<Record<string, unknown>>
}
