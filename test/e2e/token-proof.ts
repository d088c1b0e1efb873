/** A token of an identity that a scenario made. */
import assert from 'node:assert/strict'
import type { Answer } from './app-pod.ts'
import type { Identity } from './place.ts'
import { assertToken } from './token-answer.ts'

/** @throws AssertionError unless it is a token of exactly this identity, its ARM id in the claims included */
export function assertTokenOf(answer: Answer | undefined, { id, clientId }: Identity): void {
  const { xms_mirid: told } = assertToken(answer, clientId)
  assert.equal(String(told).toLowerCase(), id.toLowerCase())
}

/** @throws AssertionError unless it is a refusal for this reason (docs/errors.md), whatever its status */
export function assertRefused(answer: Answer | undefined, code: string): void {
  assert.ok(answer, 'the pod has printed no answer')
  assert.notEqual(answer.status, 200, `a token in place of ${code}`)
  const { error_codes: codes } = (answer.body ?? {}) as { readonly error_codes?: readonly string[] }
  assert.deepEqual(codes, [code], JSON.stringify(answer))
}
