import * as v from 'valibot'
import { parseJson } from '../../azure/json-body.ts'
import type { SecretString } from '../../base/secret.ts'

const CLAIM = v.fallback(v.pipe(v.string(), v.maxLength(600)), '')
const CLAIMS = v.object({
  iss: CLAIM,
  sub: CLAIM,
  aud: v.fallback(v.union([v.array(v.pipe(v.string(), v.maxLength(600))), v.string()]), ''),
})

export interface AssertionClaims {
  /** Empty when the assertion does not tell. */
  readonly issuer: string
  /** `system:serviceaccount:<namespace>:<name>`; empty when the assertion does not tell. */
  readonly subject: string
  readonly audience: string
}

/** What a service-account token says of itself. Not verified: for messages and fair shares, never for rights. */
export function assertionClaims(assertion: SecretString): AssertionClaims {
  const payload = assertion.reveal().split('.', 3)[1] ?? ''
  const parsed = v.safeParse(CLAIMS, parseJson(Buffer.from(payload, 'base64url')))
  if (!parsed.success) return { issuer: '', subject: '', audience: '' }
  const { iss, sub, aud } = parsed.output
  return { issuer: iss, subject: sub, audience: typeof aud === 'string' ? aud : (aud[0] ?? '') }
}
