import { asObject, type JsonObject } from '../http/json.ts'
import { aadsts, refuse } from './aadsts.ts'

/** A signed assertion taken apart, not verified yet. */
export interface Assertion {
  readonly jwt: string
  readonly header: JsonObject
  readonly issuer: string
  readonly subject: string
  readonly audiences: readonly string[]
  /** Seconds; 0 when absent, which Entra's texts show as 1970. */
  readonly notBefore: number
  readonly expires: number
}

const LONGEST_ASSERTION = 16_384

/** @throws AadstsRefusal when it is not three base64url parts with JSON objects. */
export function readAssertion(jwt: string): Assertion {
  const [head, body, signature, ...more] = jwt.split('.')
  if (
    head === undefined ||
    body === undefined ||
    signature === undefined ||
    more.length > 0 ||
    jwt.length > LONGEST_ASSERTION
  )
    return refuse(aadsts.malformedAssertion())
  const header = part(head)
  const claims = part(body)
  if (header === undefined || claims === undefined) return refuse(aadsts.malformedAssertion())
  const text = (name: string): string => (typeof claims[name] === 'string' ? claims[name] : '')
  const aud = claims['aud']
  return {
    jwt,
    header,
    issuer: text('iss'),
    subject: text('sub'),
    audiences: Array.isArray(aud) ? aud.filter((each) => typeof each === 'string') : [text('aud')],
    notBefore: seconds(claims['nbf'], 0),
    expires: seconds(claims['exp'], 0),
  }
}

function part(text: string): JsonObject | undefined {
  try {
    return asObject(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined
    throw thrown
  }
}

/** Some SDKs send floating-point times. */
function seconds(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise
}

const SKEW_SECONDS = 300

/** @throws AadstsRefusal 700024 outside of the assertion's time range (5 minutes of skew allowed at its start). */
export function checkTimes(assertion: Assertion, nowMs: number): void {
  const now = nowMs / 1_000
  if (assertion.expires <= now || assertion.notBefore > now + SKEW_SECONDS)
    refuse(aadsts.assertionTime(nowMs, assertion.notBefore, assertion.expires))
}
